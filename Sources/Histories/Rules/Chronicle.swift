/// What happened, by the store's own account after all was quiet: every change in the order of revisions. The rules hold what clients
/// were told against it.
struct Chronicle: Sendable {
  let changes: [Change]
  private let byKey: [String: [Int]]
  private let byValue: [UInt64: [Int]]

  init(_ changes: [Change]) {
    self.changes = changes
    var byKey: [String: [Int]] = [:]
    var byValue: [UInt64: [Int]] = [:]
    for (index, change) in changes.enumerated() {
      byKey[change.key, default: []].append(index)
      if change.value != 0 { byValue[change.value, default: []].append(index) }
    }
    self.byKey = byKey
    self.byValue = byValue
  }

  var lastRevision: Int64 { changes.last?.revision ?? 0 }

  /// The key's version when the store was at `revision`.
  func version(of key: String, at revision: Int64) -> (value: UInt64, revision: Int64) {
    guard let places: [Int] = byKey[key] else { return (0, 0) }
    var (low, high): (Int, Int) = (0, places.count)
    while low < high {
      let middle: Int = (low + high) / 2
      if changes[places[middle]].revision <= revision { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return (0, 0) }
    let change: Change = changes[places[low - 1]]
    return change.value == 0 ? (0, 0) : (change.value, change.revision)
  }

  func change(of key: String, at revision: Int64) -> Change? {
    byKey[key]?.lazy.map { changes[$0] }.first { $0.revision == revision }
  }

  func firstPut(of key: String) -> Change? { byKey[key]?.lazy.map { changes[$0] }.first { $0.value != 0 } }

  /// Keys with a deletion at another revision than these.
  func hasDeletion(of key: String, besides known: Set<Int64>) -> Bool {
    byKey[key]?.contains { changes[$0].value == 0 && !known.contains(changes[$0].revision) } ?? false
  }

  /// Where a value was written: once, if all is well.
  func places(of value: UInt64) -> [Change] { (byValue[value] ?? []).map { changes[$0] } }

  /// Changes of keys with this prefix, from `first` to `last`.
  func changes(prefix: String, from first: Int64, to last: Int64) -> [Change] {
    changes.filter { $0.revision >= first && $0.revision <= last && $0.key.hasPrefix(prefix) }
  }

  /// The first deletion of the key after `revision`.
  func deletion(of key: String, after revision: Int64) -> Change? {
    byKey[key]?.lazy.map { changes[$0] }.first { $0.revision > revision && $0.value == 0 }
  }
}
