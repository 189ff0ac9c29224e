import Glibc
import HTTP
import Keyspace
import Primitives
import TLS

/// What operators ask one member.
extension EtcdStore {
  public struct EndpointStatus: Hashable, Sendable {
    public var clusterID: UInt64 = 0
    public var memberID: UInt64 = 0
    public var revision: Int64 = 0
    public var version: String = ""
    public var databaseBytes: Int64 = 0
    public var leader: UInt64 = 0
    public var raftIndex: UInt64 = 0
    public var raftTerm: UInt64 = 0
    public var isLearner: Bool = false
    public var errors: [String] = []
  }

  public func status() async throws -> EndpointStatus {
    try await call("/etcdserverpb.Maintenance/Status", { _ in }) { message in
      var reader: ProtobufReader = message
      var status = EndpointStatus()
      while let field = try reader.next() {
        switch field.number {
        case 1:
          let header = try ResponseHeader(try reader.message(field))
          (status.clusterID, status.memberID, status.revision) = (header.clusterID, header.memberID, header.revision)
        case 2: status.version = try reader.string(field)
        case 3: status.databaseBytes = try reader.int64(field)
        case 4: status.leader = try reader.uint64(field)
        case 5: status.raftIndex = try reader.uint64(field)
        case 6: status.raftTerm = try reader.uint64(field)
        case 8: status.errors.append(try reader.string(field))
        case 10: status.isLearner = try reader.bool(field)
        default: try reader.skip(field)
        }
      }
      return status
    }
  }

  /// Of this member up to a revision (0: the newest): equal on members that agree, if their compacted revisions are equal.
  public func hashKeys(revision: Int64 = 0) async throws -> KeyHash {
    try await call("/etcdserverpb.Maintenance/HashKV", { $0.int64(1, revision) }) { message in
      var reader: ProtobufReader = message
      var hash = KeyHash(hash: 0, revision: 0, compactRevision: 0)
      while let field = try reader.next() {
        switch field.number {
        case 2: hash.hash = try reader.uint32(field)
        case 3: hash.compactRevision = try reader.int64(field)
        case 4: hash.revision = try reader.int64(field)
        default: try reader.skip(field)
        }
      }
      return hash
    }
  }

  /// Streams a snapshot into a file of mode 0600, ours or etcd's, and checks its SHA-256 before the file gets its name. Returns its bytes.
  /// Throws a `KeyspaceError`: the server's, `.malformed` for a stream that is not whole, `.unavailable` if the file cannot be written.
  public func saveSnapshot(to path: String) async throws -> Int {
    let partial: String = path + ".part"
    let file: Int32 = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.unwritable(partial) }
    var done: Bool = false
    defer {
      close(file)
      if !done { unlink(partial) }
    }
    let digest = SHA256Stream()
    // The checksum is the last 32 bytes, however they are cut: so many are held back.
    var (held, bytes): (Bytes, Int) = ([], 0)
    do {
      let stream: GRPCClientStream = try await client.stream(SnapshotMethod.path, metadata: metadata)
      try await stream.send { _ in }
      try await stream.sendEnd()
      while var reader: ProtobufReader = try await stream.next() {
        var blob: Bytes = []
        while let field = try reader.next() { if field.number == 3 { blob = try reader.bytes(field) } else { try reader.skip(field) } }
        guard Self.write(blob, to: file) else { throw Self.unwritable(partial) }
        bytes += blob.count
        held += blob
        if held.count > SHA256.length {
          digest.update(Bytes(held.dropLast(SHA256.length)))
          held = Bytes(held.suffix(SHA256.length))
        }
      }
    } catch {
      throw EtcdError.keyspaceError(error)
    }
    guard held.count == SHA256.length, digest.finish() == held else {
      throw KeyspaceError(
        .malformed, "the snapshot's \(bytes) bytes do not fit the checksum at their end: it was not sent whole, save it again")
    }
    guard fsync(file) == 0, rename(partial, path) == 0 else { throw Self.unwritable(path) }
    done = true
    return bytes
  }

  private static func write(_ bytes: Bytes, to file: Int32) -> Bool {
    var written: Int = 0
    while written < bytes.count {
      let count: Int = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, bytes.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  private static func unwritable(_ path: String) -> KeyspaceError {
    KeyspaceError(.unavailable, "cannot write \(path): \(String(cString: strerror(errno)))")
  }
}
