import KubeModel

/// What an informer knows: objects by key, and its indexes. Pure.
struct InformerStore: Sendable {
  /// One change that handlers are told. A list that shows an object anew with another uid counts as deleted and added.
  enum Change: Sendable {
    case added(KubeObject)
    case updated(old: KubeObject, new: KubeObject)
    case deleted(KubeObject)
  }

  private(set) var objects: [String: KubeObject] = [:]
  private var indexes: [String: InformerIndex] = [:]
  private var found: [String: [String: Set<String>]] = [:]

  init(indexes: [InformerIndex]) {
    for index in indexes + [.namespace] { add(index) }
  }

  /// Objects already there are indexed, too. An index of the same name is kept as it is.
  mutating func add(_ index: InformerIndex) {
    guard indexes[index.name] == nil else { return }
    indexes[index.name] = index
    var entries: [String: Set<String>] = [:]
    for (key, object) in objects { for value in index.values(object) { entries[value, default: []].insert(key) } }
    found[index.name] = entries
  }

  mutating func upsert(_ object: KubeObject) -> [Change] {
    let key: String = object.key
    guard let old: KubeObject = objects.updateValue(object, forKey: key) else {
      reindex(key, from: nil, to: object)
      return [.added(object)]
    }
    reindex(key, from: old, to: object)
    if old.uid != object.uid { return [.deleted(old), .added(object)] }
    return [.updated(old: old, new: object)]
  }

  /// `last` is the object's final state as the server told it; nil when only a list without it was seen.
  mutating func remove(_ key: String, last: KubeObject?) -> [Change] {
    guard let old: KubeObject = objects.removeValue(forKey: key) else { return [] }
    reindex(key, from: old, to: nil)
    return [.deleted(last ?? old)]
  }

  /// Makes the store what a list says. Objects with an unchanged resourceVersion cause no change.
  mutating func replace(with items: [KubeObject]) -> [Change] {
    var changes: [Change] = []
    var gone: Set<String> = Set(objects.keys)
    var fresh: [KubeObject] = []
    for item in items {
      let key: String = item.key
      gone.remove(key)
      if let old: KubeObject = objects[key], old.uid == item.uid, old.resourceVersion == item.resourceVersion { continue }
      fresh.append(item)
    }
    for key in gone.sorted() { changes += remove(key, last: nil) }
    for item in fresh { changes += upsert(item) }
    return changes
  }

  func keys(index: String, value: String) -> Set<String> {
    guard let entries: [String: Set<String>] = found[index] else {
      preconditionFailure("this informer has no index \(index), only \(indexes.keys.sorted())")
    }
    return entries[value] ?? []
  }

  private mutating func reindex(_ key: String, from old: KubeObject?, to new: KubeObject?) {
    for (name, index) in indexes {
      let before: [String] = old.map(index.values) ?? []
      let after: [String] = new.map(index.values) ?? []
      if before == after { continue }
      for value in before where !after.contains(value) {
        found[name]?[value]?.remove(key)
        if found[name]?[value]?.isEmpty == true { found[name]?[value] = nil }
      }
      for value in after { found[name, default: [:]][value, default: []].insert(key) }
    }
  }
}
