import Primitives

extension Keyspace {
  /// Forgets what can only be read at revisions below `target`: at once for every reader, and in memory by and by (`trim`). Costs one
  /// look-up per modification forgotten, nothing for keys that did not change since the last compaction.
  mutating func compact(to target: Int64) throws(KeyspaceError) {
    if target <= compactedRevision {
      throw KeyspaceError(.compacted, "revision \(target) was compacted before, the oldest readable is \(compactedRevision)")
    }
    if target > revision {
      throw KeyspaceError(.futureRevision, "compaction to revision \(target) was asked for, the newest is \(revision)")
    }
    compactedRevision = target
    forgotten += history.removeBelow(target)
    // What was replaced in the very revision that stays readable is of no use any more, either.
    var replacing: [Record] = []
    history.forEach(from: history.place(of: target)) { record in
      guard record.modRevision == target else { return false }
      replacing.append(record)
      return true
    }
    if !replacing.isEmpty { forgotten.append(replacing) }
    trim(limit: KeyspaceLimits.trimmedAtOnce)
  }

  /// Compaction has left memory to be given back. It shows in nothing but `sizeBytes` and `keyCount`.
  public var wantsTrimming: Bool { !forgotten.isEmpty }

  /// Gives memory back for at most so many forgotten modifications. Whoever drives a keyspace calls it now and then, so that a compaction
  /// of a million modifications never stands in the way of a write for seconds; writes do two each, so what is left never grows under
  /// load.
  public mutating func trim(limit: Int) {
    var left: Int = limit
    while left > 0, let last: Int = forgotten.indices.last {
      guard let record: Record = forgotten[last].popLast() else {
        forgotten.removeLast()
        continue
      }
      sizeBytes -= index.trim(record.key, compacted: compactedRevision)
      left -= 1
    }
  }
}
