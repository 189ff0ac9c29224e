import Glibc
import Keyspace
import Primitives
import TLS

/// What `Snapshot` streams and `etcdctl snapshot save` writes: ours, since etcd's is its database file as it stands.
///
///     header  512 bytes: magic line, then version, cluster, member, revision, compacted revision, keys, bytes of the stream
///     stream  Keyspace's snapshot frames (`SnapshotForm`)
///     zeros   up to a multiple of 512
///     SHA-256 of everything before: 32 bytes, by which etcd's clients know that a snapshot is whole (size mod 512 = 32)
enum SnapshotFileForm {
  static let magic: String = "tricenter store snapshot\n"
  static let version: UInt64 = 1
  static let block: Int = 512

  static func padding(_ bytes: Int) -> Int { (block - bytes % block) % block }
}

struct SnapshotFileWriter {
  private enum Place { case header, stream, padding, checksum, end }
  private let header: Bytes
  private var encoder: SnapshotEncoder
  private let streamBytes: Int
  private var place: Place = .header
  private let digest = SHA256Stream()
  let totalBytes: Int
  /// Bytes that come after what `next` gave, the checksum not counted, as etcd counts them.
  private(set) var remaining: Int

  /// Encodes the keyspace once to know how long it is: 3 µs per key. Throws `.corrupt` where a value cannot be read back.
  init(_ keyspace: Keyspace, clusterID: UInt64, memberID: MemberID) throws(KeyspaceError) {
    var measure = SnapshotEncoder(keyspace)
    var bytes: Int = 0
    while let frame: Bytes = try measure.next() { bytes += frame.count }
    streamBytes = bytes
    encoder = SnapshotEncoder(keyspace)
    var writer = ByteWriter()
    writer.raw(Bytes(SnapshotFileForm.magic))
    for number in [
      SnapshotFileForm.version, clusterID, memberID.value, UInt64(keyspace.revision), UInt64(keyspace.compactedRevision),
      UInt64(keyspace.keyCount), UInt64(bytes),
    ] { writer.fixed64(number) }
    writer.raw(Bytes(repeating: 0, count: SnapshotFileForm.block - writer.bytes.count))
    header = writer.take()
    remaining = SnapshotFileForm.block + bytes + SnapshotFileForm.padding(bytes)
    totalBytes = remaining + SHA256.length
  }

  mutating func next() throws(KeyspaceError) -> Bytes? {
    switch place {
    case .header:
      place = .stream
      return take(header)
    case .stream:
      if let frame: Bytes = try encoder.next() { return take(frame) }
      place = .padding
      return try next()
    case .padding:
      place = .checksum
      let padding: Int = SnapshotFileForm.padding(streamBytes)
      return padding == 0 ? try next() : take(Bytes(repeating: 0, count: padding))
    case .checksum:
      place = .end
      return digest.finish()
    case .end: return nil
    }
  }

  private mutating func take(_ bytes: Bytes) -> Bytes {
    digest.update(bytes)
    remaining -= bytes.count
    return bytes
  }
}
