import Glibc
import Primitives

/// A log file that is read in chunks of whole lines. What follows the last line break waits for its rest.
final class LogFile {
  private let descriptor: Int32
  private var rest: Bytes = []
  let inode: UInt64

  /// Nil where it is not there.
  init?(_ path: String) {
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    var facts = stat()
    fstat(descriptor, &facts)
    inode = UInt64(facts.st_ino)
  }
  deinit { close(descriptor) }

  /// Lines without their breaks; nil at the end as it stands. A line longer than a runtime writes is dropped.
  func lines() -> [ArraySlice<UInt8>]? {
    let chunk: Bytes = Bytes(unsafeUninitializedCapacity: KubeletLimits.logChunkBytes) { buffer, count in
      count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
    }
    guard !chunk.isEmpty else { return nil }
    let bytes: Bytes = rest + chunk
    guard let end: Int = bytes.lastIndex(of: 10) else {
      rest = bytes.count > 2 * KubeletLimits.logLineBytes ? [] : bytes
      return []
    }
    rest = Bytes(bytes[(end + 1)...])
    return bytes[..<end].split(separator: 10, omittingEmptySubsequences: true)
  }

  /// Whole lines in the file at `path`, parts of one line counted once.
  static func count(_ path: String) -> Int {
    guard let file = LogFile(path) else { return 0 }
    var count: Int = 0
    while let lines: [ArraySlice<UInt8>] = file.lines() { for line in lines where ContainerLog.endsLine(line) { count += 1 } }
    return count
  }

  /// The inode at `path` now; nil where nothing is.
  static func inode(at path: String) -> UInt64? {
    var facts = stat()
    return stat(path, &facts) == 0 ? UInt64(facts.st_ino) : nil
  }
}
