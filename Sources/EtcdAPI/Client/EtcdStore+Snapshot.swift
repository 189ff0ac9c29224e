import Glibc
import HTTP
import Keyspace
import Primitives
import TLS

/// A snapshot as it was saved and found whole.
public struct SavedSnapshot: Hashable, Sendable {
  /// Of the file, its checksum included.
  public var bytes: Int = 0
  /// Of everything before it: the file's last 32 bytes.
  public var sha256: Bytes = []
  /// What the server says it is; etcds before 3.6 say nothing.
  public var version: String = ""
}

extension EtcdStore {
  /// Streams a snapshot into a file of mode 0600, ours or etcd's, and checks its SHA-256 before the file gets its name.
  ///
  /// - Parameters:
  ///   - bytesPerSecond: not faster than that, so that the member has time for its own work; 0: as fast as it comes. What is not taken is
  ///     held back by the connection's flow control.
  ///   - progress: bytes that have come, and that are to come as far as the server says.
  /// - Throws: a `KeyspaceError`: the server's, `.malformed` for a stream that is not whole, `.unavailable` if the file cannot be written.
  @discardableResult
  public func saveSnapshot(
    to path: String, bytesPerSecond: Int = 0, progress: (_ done: Int, _ remaining: Int) -> Void = { _, _ in }
  ) async throws -> SavedSnapshot {
    let partial: String = path + ".part"
    let file: Int32 = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Self.unwritable(partial) }
    var done: Bool = false
    defer {
      close(file)
      if !done { unlink(partial) }
    }
    // A file that an interrupted save left behind keeps its mode.
    guard fchmod(file, 0o600) == 0 else { throw Self.unwritable(partial) }
    let digest = SHA256Stream()
    let began: MonotonicTime = SystemClock().now()
    var saved = SavedSnapshot()
    // The checksum is the last 32 bytes, however they are cut: so many are held back.
    var held: Bytes = []
    do {
      let stream: GRPCClientStream = try await client.stream(SnapshotMethod.path, metadata: metadata)
      try await stream.send { _ in }
      try await stream.sendEnd()
      while var reader: ProtobufReader = try await stream.next() {
        var (blob, remaining): (Bytes, Int) = ([], 0)
        while let field = try reader.next() {
          switch field.number {
          case 2: remaining = Int(clamping: try reader.uint64(field))
          case 3: blob = try reader.bytes(field)
          case 4: saved.version = try reader.string(field)
          default: try reader.skip(field)
          }
        }
        guard Self.write(blob, to: file) else { throw Self.unwritable(partial) }
        saved.bytes += blob.count
        progress(saved.bytes, remaining)
        if bytesPerSecond > 0 {
          let due: Duration = .nanoseconds(Int64(Double(saved.bytes) / Double(bytesPerSecond) * 1e9))
          try await Task.sleep(for: max(.zero, due - (SystemClock().now() - began)))
        }
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
        .malformed, "the snapshot's \(saved.bytes) bytes do not fit the checksum at their end: it was not sent whole, save it again")
    }
    guard fsync(file) == 0, rename(partial, path) == 0 else { throw Self.unwritable(path) }
    done = true
    saved.sha256 = held
    return saved
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
