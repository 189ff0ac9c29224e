import Glibc
import Keyspace
import Primitives
import TLS

/// A bbolt database file, read only and trusted in nothing: page numbers, counts, offsets and the order of keys are all checked, and every
/// page may be visited once. The form is that of bbolt's `page.go`, `meta.go` and `bucket.go` (etcd 3.4 to 3.6 use version 2).
///
///     page      number (64 bits) flags (16) count (16) overflow (32), then elements; a page with overflow n is n + 1 pages long
///     meta      in pages 0 and 1: magic, version, page size, flags, root bucket's page and sequence, freelist, pages, transaction, FNV-1a
///     branch    flags 1; elements: offset (32) key bytes (32) page (64)
///     leaf      flags 2; elements: flags (32; 1: a bucket) offset (32) key bytes (32) value bytes (32); offsets count from the element
///     bucket    value of a leaf: page (64), sequence (64); page 0: the bucket's only page follows
public final class BoltFile {
  private static let magic: UInt32 = 0xED0C_DAED
  private static let version: UInt32 = 2
  static let pageHeaderBytes: Int = 16
  static let elementBytes: Int = 16

  let path: String
  private let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool
  /// Of the database, without a checksum behind it.
  public let databaseBytes: Int
  private var pageBytes: Int = 0
  private var pages: UInt64 = 0
  private var root: UInt64 = 0
  /// Each page belongs to one place of the tree.
  private var visited: Set<UInt64> = []
  /// The SHA-256 at the end that `etcdctl snapshot save` writes; nil: a database as it lies in an etcd's folder.
  public let checksum: Bytes?

  /// Maps the file and checks its checksum and its meta pages.
  /// - Parameter skipHashCheck: takes a file without a checksum, and one whose checksum is wrong.
  /// - Throws: a `KeyspaceError` `.unavailable` if it cannot be read, `.malformed` with what is wrong with it.
  public init(path: String, skipHashCheck: Bool = false) throws {
    self.path = path
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Self.unreadable(path) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Self.unreadable(path) }
    let size = Int(status.st_size)
    let tail: Int = try Self.tail(path, size)
    guard let address: UnsafeMutableRawPointer = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), address != MAP_FAILED else {
      throw Self.unreadable(path)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
    isMapped = true
    databaseBytes = size - tail
    checksum = tail == 0 ? nil : Bytes(bytes[(size - tail)...])
    // From here on `deinit` unmaps.
    if !skipHashCheck { try checkHash() }
    try readMeta()
  }

  /// One that is in memory, looked at in the same way; without a checksum.
  init(content: Bytes) throws {
    path = "the database"
    _ = try Self.tail(path, content.count)
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: content.count, alignment: 8)
    copy.copyBytes(from: content)
    (bytes, isMapped) = (UnsafeRawBufferPointer(copy), false)
    (databaseBytes, checksum) = (content.count, nil)
    try readMeta()
  }

  deinit { if isMapped { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) } else { bytes.deallocate() } }

  /// Bytes of the checksum behind the pages.
  private static func tail(_ path: String, _ size: Int) throws -> Int {
    guard size >= 4096 else { throw malformed(path, "its \(size) bytes are too few for a database") }
    let tail: Int = size % SnapshotFileForm.block
    guard tail == 0 || tail == SHA256.length else {
      throw malformed(path, "its \(size) bytes are neither pages nor pages with a checksum: it was not copied whole")
    }
    return tail
  }

  private func checkHash() throws {
    guard let checksum else {
      throw Self.malformed(
        path,
        "there is no checksum at its end: it is not what `etcdctl snapshot save` wrote. A database copied from a stopped etcd is taken "
          + "with --skip-hash-check")
    }
    guard SHA256.digest(UnsafeRawBufferPointer(rebasing: bytes[..<databaseBytes])) == checksum else {
      throw Self.malformed(path, "its SHA-256 does not fit its content: it was damaged or not copied whole")
    }
  }

  /// The newer of the two meta pages that is whole is in force (a crash may have torn the other).
  private func readMeta() throws {
    var found: (transaction: UInt64, pageBytes: Int, root: UInt64, pages: UInt64)?
    var candidates: Set<Int> = [0]
    for size in [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] { candidates.insert(size) }
    for place in candidates.sorted() where place + 80 <= databaseBytes {
      let meta: Int = place + Self.pageHeaderBytes
      guard u16(place + 8) == 4, u32(meta) == Self.magic, u32(meta + 4) == Self.version, u64(meta + 56) == hash(meta, 56) else {
        continue
      }
      let size = Int(u32(meta + 8))
      guard size >= 1024, size <= 65_536, size & (size - 1) == 0, place == 0 || place == size else { continue }
      let transaction: UInt64 = u64(meta + 48)
      if transaction >= found?.transaction ?? 0 { found = (transaction, size, u64(meta + 16), u64(meta + 40)) }
    }
    guard let found else { throw Self.malformed(path, "neither of its two meta pages is whole: it is no bbolt database, or damaged") }
    (pageBytes, root, pages) = (found.pageBytes, found.root, found.pages)
    guard pages <= UInt64(databaseBytes / pageBytes) else {
      throw Self.malformed(path, "it should have \(pages) pages of \(pageBytes) bytes and has \(databaseBytes) bytes: it is cut short")
    }
  }

  /// FNV-1a (64 bits).
  private func hash(_ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes[offset..<offset + count] { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return value
  }

  // MARK: Reading, always inside the file

  func u16(_ offset: Int) -> UInt16 { UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)) }
  func u32(_ offset: Int) -> UInt32 { UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
  func u64(_ offset: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }

  /// Where a page lies, and its end; every page once.
  func page(_ number: UInt64) throws -> Range<Int> {
    guard number >= 2, number < pages else { throw damage("page \(number) is asked for, there are \(pages)") }
    guard visited.insert(number).inserted else { throw damage("page \(number) is in two places of the tree") }
    let start: Int = Int(number) * pageBytes
    guard u64(start) == number else { throw damage("page \(number) says that it is page \(u64(start))") }
    let length: Int = (Int(u32(start + 12)) + 1) * pageBytes
    guard length <= Int(pages) * pageBytes - start else { throw damage("page \(number) reaches beyond the last") }
    return start..<start + length
  }

  /// The root bucket: etcd's buckets are in it.
  public func rootBucket() throws -> BoltBucket {
    visited = []
    return BoltBucket(self, pages: .tree(root), name: "root")
  }

  func damage(_ reason: String) -> KeyspaceError { Self.malformed(path, reason) }

  static func malformed(_ path: String, _ reason: String) -> KeyspaceError {
    KeyspaceError(.malformed, "\(path) cannot be read as an etcd's database: \(reason)")
  }

  private static func unreadable(_ path: String) -> KeyspaceError {
    KeyspaceError(.unavailable, "cannot read \(path): \(String(cString: strerror(errno)))")
  }
}
