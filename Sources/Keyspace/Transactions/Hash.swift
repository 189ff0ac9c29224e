import Primitives

extension Keyspace {
  /// Checksum over every kept version up to `revision` (0: the newest): members that applied the same log answer the same (etcd
  /// `HashKV`; the number itself is ours, etcd's cannot be compared with it).
  public func hash(revision requested: Int64 = 0) throws(KeyspaceError) -> UInt32 {
    try checkReadable(requested, current: revision)
    let last: Int64 = requested > 0 ? requested : revision
    var checksum: UInt32 = 0
    index.forEach(in: KeyRange(key: [], end: [0])) { kept in
      guard let entry: IndexEntry = kept.trimmed(compacted: compactedRevision) else { return true }
      var writer = ByteWriter()
      for record in entry.older + [entry.newest] where record.modRevision <= last { SnapshotForm.write(record, to: &writer) }
      // A key that came later counts nothing: the hash of a revision stays what it was.
      if writer.bytes.isEmpty { return true }
      writer.block(entry.key)
      checksum = CRC32C.checksum(writer.bytes, seed: checksum)
      return true
    }
    try checkValues()
    return checksum
  }
}
