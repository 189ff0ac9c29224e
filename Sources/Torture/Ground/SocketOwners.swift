import Glibc
import Primitives
import Synchronization

/// Which member holds the other end of a connection on loopback: all members dial from 127.0.0.1, so the kernel's tables are asked
/// (`/proc/net/tcp`: port → inode; `/proc/PID/fd`: inode → process).
final class SocketOwners: Sendable {
  private struct Known: Sendable {
    var center: Int
    var pid: Int32
  }
  private let members: Mutex<[Int: Known]> = Mutex([:])

  func note(_ center: Int, member: Int, pid: Int32?) {
    members.withLock { $0[member] = pid.map { Known(center: center, pid: $0) } }
  }

  /// The center of the process that connected from `port`; nil if it is none of the members, or gone.
  func center(ofPort port: Int) -> Int? {
    guard let inode: Substring = Self.inode(ofPort: port, in: Self.read("/proc/net/tcp")) else { return nil }
    let wanted = "socket:[\(inode)]"
    return members.withLock { $0.values.first { Self.holds($0.pid, wanted) }?.center }
  }

  /// Lines are `N: LOCAL:PORT REMOTE:PORT STATE … INODE …`, in hexadecimal, the inode being the tenth word.
  static func inode(ofPort port: Int, in table: String) -> Substring? {
    let hexadecimal: String = String(port, radix: 16, uppercase: true)
    let suffix: String = ":" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
    for line in table.split(separator: "\n").dropFirst() {
      let words: [Substring] = line.split(separator: " ")
      // 0A is a listener; a connection that is being made or stands has another state.
      if words.count > 9, words[1].hasSuffix(suffix), words[3] != "0A", words[9] != "0" { return words[9] }
    }
    return nil
  }

  private static func holds(_ pid: Int32, _ wanted: String) -> Bool {
    guard let folder: OpaquePointer = opendir("/proc/\(pid)/fd") else { return false }
    defer { closedir(folder) }
    var target = [CChar](repeating: 0, count: 64)
    while let entry: UnsafeMutablePointer<dirent> = readdir(folder) {
      let name: String = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      let length: Int = readlink("/proc/\(pid)/fd/\(name)", &target, target.count)
      if length > 0, String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self) == wanted { return true }
    }
    return false
  }

  private static func read(_ path: String) -> String {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = Bytes()
    var piece = Bytes(repeating: 0, count: 65_536)
    while bytes.count < 4 << 20 {
      let count: Int = Glibc.read(file, &piece, piece.count)
      guard count > 0 else { break }
      bytes += piece[..<count]
    }
    return bytes.text
  }
}
