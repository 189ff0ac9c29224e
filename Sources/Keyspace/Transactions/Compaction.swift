import Primitives

extension Keyspace {
  /// Forgets what can only be read at revisions below `target`. Costs one look-up per modification forgotten, nothing for keys
  /// that did not change since the last compaction.
  mutating func compact(to target: Int64) throws(KeyspaceError) {
    if target <= compactedRevision {
      throw KeyspaceError(.compacted, "revision \(target) was compacted before, the oldest readable is \(compactedRevision)")
    }
    if target > revision {
      throw KeyspaceError(.futureRevision, "compaction to revision \(target) was asked for, the newest is \(revision)")
    }
    compactedRevision = target
    for record in history.removeBelow(target) { sizeBytes -= index.trim(record.key, compacted: target) }
  }
}
