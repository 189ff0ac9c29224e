import Glibc

/// What files take on disk: blocks, not lengths, as `du` counts. A file with several names counts each time.
enum DiskUsage {
  /// Bytes below `path`; stops after `KubeletLimits.measuredFiles` files.
  static func of(_ path: String) -> Int64 {
    var left: Int = KubeletLimits.measuredFiles
    return measure(path, &left)
  }

  private static func measure(_ path: String, _ left: inout Int) -> Int64 {
    var facts = stat()
    guard left > 0, lstat(path, &facts) == 0 else { return 0 }
    left -= 1
    var sum: Int64 = Int64(facts.st_blocks) * 512
    guard facts.st_mode & S_IFMT == S_IFDIR else { return sum }
    for name in Files.names(in: path) { sum += measure("\(path)/\(name)", &left) }
    return sum
  }
}
