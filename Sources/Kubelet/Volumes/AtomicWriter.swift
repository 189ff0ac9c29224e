import Glibc
import Primitives

/// Puts a set of files into a volume so that readers see all of the old or all of the new:
///
///     volume/key ──▶ ..data/key       volume/..data ──▶ ..2026_11_22_10_00_00.123456789/
///
/// A new directory is filled, then `..data` is swapped by rename. The layout is the upstream kubelet's, on which
/// programs that watch `..data` rely.
struct AtomicWriter {
  var directory: String

  struct File: Hashable, Sendable {
    /// Relative, may have directories in it.
    var path: String
    var bytes: Bytes
    var mode: UInt32
  }

  /// True when something changed. `group`: the pod's fsGroup.
  func write(_ files: [File], stamp: WallTime, group: UInt32?) throws -> Bool {
    let files: [File] = files.sorted { $0.path < $1.path }
    for file in files where !Self.isSafe(file.path) {
      throw KubeletError(
        .badConfiguration, "The volume path '\(file.path)' cannot be used: it must be relative, without '..' and not begin with '..'.")
    }
    try Files.makeDirectory(directory, mode: 0o755)
    if isCurrent(files) { return false }
    let name: String = "..\(stamp.secondsSince1970).\(stamp.nanoseconds)"
    let fresh: String = "\(directory)/\(name)"
    try Files.makeDirectory(fresh, mode: 0o755)
    for file in files {
      if let slash: String.Index = file.path.lastIndex(of: "/") { try Files.makeDirectory("\(fresh)/\(file.path[..<slash])", mode: 0o755) }
      try Files.write(file.bytes, to: "\(fresh)/\(file.path)", mode: mode_t(file.mode) | (group == nil ? 0 : 0o040))
      if let group { chown("\(fresh)/\(file.path)", uid_t.max, group) }
    }
    var buffer: Bytes = Bytes(repeating: 0, count: 256)
    let length: Int = buffer.withUnsafeMutableBytes { readlink("\(directory)/..data", $0.bindMemory(to: CChar.self).baseAddress!, 255) }
    let old: String? = length > 0 ? Bytes(buffer[..<length]).text : nil
    unlink("\(directory)/..data_tmp")
    guard symlink(name, "\(directory)/..data_tmp") == 0, rename("\(directory)/..data_tmp", "\(directory)/..data") == 0 else {
      throw Files.fail("\(directory)/..data cannot be turned to the new files")
    }
    let tops: Set<String> = Set(files.map { String($0.path.split(separator: "/")[0]) })
    for top in tops where !linkExists("\(directory)/\(top)") {
      guard symlink("..data/\(top)", "\(directory)/\(top)") == 0 else { throw Files.fail("\(directory)/\(top) cannot be linked") }
    }
    for present in Files.names(in: directory) where !present.hasPrefix("..") && !tops.contains(present) {
      unlink("\(directory)/\(present)")
    }
    if let old, old.hasPrefix("..") { Files.removeTree("\(directory)/\(old)") }
    return true
  }

  private func linkExists(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0
  }

  private func isCurrent(_ files: [File]) -> Bool {
    guard Files.exists("\(directory)/..data") else { return false }
    let tops: Set<String> = Set(files.map { String($0.path.split(separator: "/")[0]) })
    guard Set(Files.names(in: directory).filter { !$0.hasPrefix("..") }) == tops else { return false }
    var count: Int = 0
    func walk(_ path: String) {
      for name in Files.names(in: path) {
        let inner: String = "\(path)/\(name)"
        if Files.isDirectory(inner) { walk(inner) } else { count += 1 }
      }
    }
    walk("\(directory)/..data/.")
    return count == files.count
      && files.allSatisfy { Files.read("\(directory)/..data/\($0.path)", limit: $0.bytes.count + 1) == $0.bytes }
  }

  static func isSafe(_ path: String) -> Bool {
    !path.isEmpty && !path.hasPrefix("/") && !path.hasPrefix("..") && !path.split(separator: "/").contains("..")
      && !path.utf8.contains(0) && path.utf8.count < 4_096
  }
}
