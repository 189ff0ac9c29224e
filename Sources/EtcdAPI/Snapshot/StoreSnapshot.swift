import Glibc
import Keyspace
import Primitives
import TLS

/// A snapshot file read back and found whole: for `tricenter store snapshot status` and `restore`.
public struct StoreSnapshot: Sendable {
  public struct Summary: Hashable, Sendable {
    public var clusterID: UInt64
    public var memberID: MemberID
    public var revision: Int64
    public var compactedRevision: Int64
    /// Keys, those counted whose deletion is still readable.
    public var keys: Int
    /// Of the whole file.
    public var bytes: Int
    /// The checksum's first four bytes, to compare files by.
    public var hash: UInt32
  }
  public let summary: Summary
  public let keyspace: Keyspace

  /// Reads and checks the whole file. Throws a `KeyspaceError` `.malformed` that says what is wrong: not a snapshot of ours, cut short,
  /// damaged; `.unavailable` if it cannot be read.
  public init(path: String) throws {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Self.unreadable(path) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Self.unreadable(path) }
    let size = Int(status.st_size)
    guard size >= SnapshotFileForm.block + SHA256.length, size % SnapshotFileForm.block == SHA256.length else {
      throw Self.damaged(path, "\(size) bytes are no multiple of \(SnapshotFileForm.block) plus a checksum of \(SHA256.length)")
    }
    let digest = SHA256Stream()
    func read(_ count: Int) throws -> Bytes {
      var bytes = Bytes(repeating: 0, count: count)
      var done: Int = 0
      while done < count {
        let got: Int = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + done, count - done) }
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { throw Self.unreadable(path) }
        done += got
      }
      return bytes
    }
    func take(_ count: Int) throws -> Bytes {
      let bytes: Bytes = try read(count)
      digest.update(bytes)
      return bytes
    }
    let (header, streamBytes): (Summary, Int) = try Self.header(try take(SnapshotFileForm.block), path)
    guard SnapshotFileForm.block + streamBytes + SnapshotFileForm.padding(streamBytes) + SHA256.length == size else {
      throw Self.damaged(path, "its header speaks of \(streamBytes) bytes, the file has \(size)")
    }
    var decoder = SnapshotDecoder()
    var rest: Int = streamBytes
    while rest > 0 {
      let piece: Bytes = try take(min(rest, 1 << 20))
      do { try decoder.consume(piece) } catch { throw Self.damaged(path, error.message) }
      rest -= piece.count
    }
    if SnapshotFileForm.padding(streamBytes) > 0 { _ = try take(SnapshotFileForm.padding(streamBytes)) }
    let checksum: Bytes = try read(SHA256.length)
    guard checksum == digest.finish() else { throw Self.damaged(path, "its SHA-256 does not fit its content") }
    do { keyspace = try decoder.finish() } catch { throw Self.damaged(path, error.message) }
    var summary: Summary = header
    summary.bytes = size
    summary.hash = checksum.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    self.summary = summary
  }

  /// Whether the file begins as ours do. Throws `.unavailable` if it cannot be read.
  static func isOne(_ path: String) throws -> Bool {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw unreadable(path) }
    defer { close(file) }
    var beginning = Bytes(repeating: 0, count: SnapshotFileForm.magic.utf8.count)
    let count: Int = pread(file, &beginning, beginning.count, 0)
    guard count >= 0 else { throw unreadable(path) }
    return count == beginning.count && beginning == Bytes(SnapshotFileForm.magic)
  }

  private static func header(_ bytes: Bytes, _ path: String) throws -> (Summary, Int) {
    let magic = Bytes(SnapshotFileForm.magic)
    guard bytes.starts(with: magic) else {
      throw KeyspaceError(.malformed, "\(path) is no snapshot of this store (an etcd's is its database file; migrate from it instead)")
    }
    var reader = ByteReader(Bytes(bytes.dropFirst(magic.count)))
    var numbers: [UInt64] = []
    for _ in 0..<7 { numbers.append(try reader.fixed64()) }
    guard numbers[0] == SnapshotFileForm.version else {
      throw damaged(path, "its form \(numbers[0]) is newer than this program: upgrade it")
    }
    let summary = Summary(
      clusterID: numbers[1], memberID: MemberID(numbers[2]), revision: Int64(clamping: numbers[3]),
      compactedRevision: Int64(clamping: numbers[4]), keys: Int(clamping: numbers[5]), bytes: 0, hash: 0)
    guard numbers[6] < UInt64(Int.max / 4) else { throw damaged(path, "its header speaks of \(numbers[6]) bytes") }
    return (summary, Int(numbers[6]))
  }

  private static func damaged(_ path: String, _ reason: String) -> KeyspaceError {
    KeyspaceError(.malformed, "the snapshot \(path) is damaged or was not saved whole: \(reason)")
  }

  private static func unreadable(_ path: String) -> KeyspaceError {
    KeyspaceError(.unavailable, "cannot read \(path): \(String(cString: strerror(errno)))")
  }
}
