import Primitives

/// One modification of one key, never changed after it was made. The index, the history, copies of the keyspace for snapshots and
/// answers under way share it by reference, so that copying a keyspace copies no data. This one has no value: a deletion.
///
/// `@unchecked Sendable`: not final, so the compiler cannot see that every stored property, here and in the two that inherit, is a
/// constant of a
/// Sendable type.
class Record: @unchecked Sendable {
  let key: Bytes
  let createRevision: Int64
  let modRevision: Int64
  /// Place inside the revision, from 0 (etcd's sub revision).
  let sub: Int64
  /// 0 marks a deletion.
  let version: Int64
  let lease: Int64

  init(key: Bytes, createRevision: Int64, modRevision: Int64, sub: Int64, version: Int64, lease: Int64) {
    self.key = key
    self.createRevision = createRevision
    self.modRevision = modRevision
    self.sub = sub
    self.version = version
    self.lease = lease
  }

  static func deletion(_ key: Bytes, at revision: Int64, sub: Int64) -> Record {
    Record(key: key, createRevision: 0, modRevision: revision, sub: sub, version: 0, lease: 0)
  }

  var isDeletion: Bool { version == 0 }
  var value: Bytes { [] }
  /// Known without reading it.
  var valueBytes: Int { 0 }

  /// What a record costs in memory, roughly: key, value, three allocations' headers, this object.
  var size: Int { key.count + valueBytes + 128 }

  func keyValue(keysOnly: Bool = false) -> KeyValue {
    KeyValue(
      key: key, value: keysOnly ? [] : value, createRevision: createRevision, modRevision: modRevision, version: version, lease: lease)
  }
}

/// A modification with its value in memory. `@unchecked Sendable`: see `Record`.
final class MemoryRecord: Record, @unchecked Sendable {
  private let held: Bytes

  init(key: Bytes, value: Bytes, createRevision: Int64, modRevision: Int64, sub: Int64, version: Int64, lease: Int64) {
    held = value
    super.init(key: key, createRevision: createRevision, modRevision: modRevision, sub: sub, version: version, lease: lease)
  }

  override var value: Bytes { held }
  override var valueBytes: Int { held.count }
}

/// A key and its kept versions.
struct IndexEntry: Sendable {
  var key: Bytes
  var newest: Record
  /// Versions before `newest`, oldest first.
  var older: [Record] = []

  /// The version that was the newest at `revision`; nil if the key did not exist then.
  func version(at revision: Int64) -> Record? {
    if newest.modRevision <= revision { return newest.isDeletion ? nil : newest }
    let index: Int = lastOlder(at: revision)
    return index < 0 || older[index].isDeletion ? nil : older[index]
  }

  /// Index of the last older version at or below `revision`, -1 if there is none.
  private func lastOlder(at revision: Int64) -> Int {
    var low: Int = 0
    var high: Int = older.count
    while low < high {
      let middle: Int = (low + high) / 2
      if older[middle].modRevision <= revision { low = middle + 1 } else { high = middle }
    }
    return low - 1
  }

  /// What is left of it once it is trimmed, whether that has happened or not; nil: nothing. Snapshots and hashes see this, so they do not
  /// tell how far a member has come with giving memory back.
  func trimmed(compacted: Int64) -> IndexEntry? {
    if older.isEmpty, !newest.isDeletion || newest.modRevision >= compacted { return self }
    var copy: IndexEntry = self
    return copy.trim(compacted: compacted).isEmpty ? nil : copy
  }

  /// Drops the versions that nobody can ask for once `compacted` is the oldest readable revision: all before the last one at or
  /// below it, and that one too if it is a deletion older than `compacted` (a deletion *at* it stays, since a watch may start there).
  /// Returns the bytes freed; `isEmpty` tells whether the entry itself must go.
  mutating func trim(compacted: Int64) -> (freed: Int, isEmpty: Bool) {
    var freed: Int = 0
    if newest.modRevision <= compacted {
      // Versions of the same, oldest readable revision are events that a watch may start at.
      let kept: Int = newest.modRevision == compacted ? older.firstIndex { $0.modRevision == compacted } ?? older.count : older.count
      for record in older[..<kept] { freed += record.size }
      older.removeFirst(kept)
      if newest.isDeletion, newest.modRevision < compacted {
        return (freed + newest.size, true)
      }
      return (freed, false)
    }
    let last: Int = lastOlder(at: compacted)
    guard last >= 0 else { return (0, false) }
    var kept: Int = last
    if older[last].modRevision == compacted {
      while kept > 0, older[kept - 1].modRevision == compacted { kept -= 1 }
    } else if older[last].isDeletion {
      kept += 1
    }
    for record in older[..<kept] { freed += record.size }
    older.removeFirst(kept)
    return (freed, false)
  }
}
