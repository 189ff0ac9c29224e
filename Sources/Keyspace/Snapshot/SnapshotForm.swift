import Primitives

/// The whole keyspace as a stream of frames, the same bytes on every member that is at the same state.
///
///     stream = frame…            frame = length (32 bits) items…          at most 64 MiB
///     item   = 1 version revision compacted applied        first
///            | 2 lease id, seconds                         ascending ids
///            | 6 seconds of the lease before that are left, by its checkpoint
///            | 7 name of a setting, its version, its value ascending names, before all keys
///            | 8 state of the cluster, if there is any     before all keys
///            | 3 key                                       ascending keys
///            | 4 version of the key before                 oldest first
///            | 5 number of keys, of versions, CRC-32C of all items before it; last
///
/// Keys of leases and the history are not written: both follow from the versions.
enum SnapshotForm {
  static let version: UInt8 = 1
  /// Frames are cut behind 256 KiB, but never inside a version, and the first one holds all leases.
  static let frameBytes: Int = 64 * 1024 * 1024

  static func write(_ record: Record, to writer: inout ByteWriter) {
    writer.signed(record.createRevision)
    writer.signed(record.modRevision)
    writer.signed(record.sub)
    writer.signed(record.version)
    writer.signed(record.lease)
    writer.block(record.value)
  }

  /// The value goes where `keyspace` has room for it.
  static func record(_ key: Bytes, from reader: inout ByteReader, into keyspace: Keyspace) throws(MalformedBytes) -> Record {
    let create: Int64 = try reader.signed()
    let mod: Int64 = try reader.signed()
    let sub: Int64 = try reader.signed()
    let version: Int64 = try reader.signed()
    let lease: Int64 = try reader.signed()
    let numbers: ClosedRange<Int64> = 0...KeyspaceLimits.lastRevision
    guard mod > 0, create >= 0, create <= mod, numbers.contains(sub), numbers.contains(version) else {
      throw reader.malformed("impossible revision of a key")
    }
    if version == 0 {
      guard try reader.block().isEmpty else { throw reader.malformed("a deletion with a value") }
      return Record(key: key, createRevision: create, modRevision: mod, sub: sub, version: 0, lease: lease)
    }
    return keyspace.record(
      key: key, value: try reader.block(), createRevision: create, modRevision: mod, sub: sub, version: version, lease: lease,
      isRestoring: true)
  }
}
