import Keyspace
import Primitives
import TLS

/// A snapshot file, whoever wrote it.
public struct SavedStore: Sendable {
  public enum Format: String, Sendable { case tricenter, etcd }
  public let format: Format
  public let keyspace: Keyspace
  /// As `etcdctl snapshot status` says them. Ours: keys, those counted whose deletion is still readable.
  public let hash: UInt32
  public let revision: Int64
  public let totalKeys: Int
  public let totalBytes: Int
  /// What is there and was not taken over, a sentence each.
  public let remarks: [String]

  /// Reads and checks the whole file. Throws a `KeyspaceError` `.malformed` or `.unavailable` that says what is wrong with it.
  public init(path: String, skipHashCheck: Bool = false, progress: (Int) -> Void = { _ in }) throws {
    if try StoreSnapshot.isOne(path) {
      guard !skipHashCheck else {
        throw KeyspaceError(.unsupported, "\(path) is a snapshot of this store: it always has a checksum, and is not taken without")
      }
      let snapshot = try StoreSnapshot(path: path)
      (format, keyspace, remarks) = (.tricenter, snapshot.keyspace, [])
      (hash, revision) = (snapshot.summary.hash, snapshot.summary.revision)
      (totalKeys, totalBytes) = (snapshot.summary.keys, snapshot.summary.bytes)
    } else {
      let database = try EtcdDatabase(path: path, skipHashCheck: skipHashCheck, progress: progress)
      (format, keyspace, remarks) = (.etcd, database.keyspace, database.remarks)
      (hash, revision) = (database.summary.hash, database.summary.revision)
      (totalKeys, totalBytes) = (database.summary.totalKeys, database.summary.totalBytes)
    }
  }

  /// Tells this snapshot from every other: what a cluster that begins with it is named after.
  public var fingerprint: UInt64 { UInt64(hash) << 32 ^ UInt64(truncatingIfNeeded: revision) ^ UInt64(totalBytes) << 16 }
}
