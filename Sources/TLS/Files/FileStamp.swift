import Glibc

/// Enough of a file's status to see that it was replaced or rewritten.
struct FileStamp: Equatable, Sendable {
  var inode: UInt64
  var size: Int64
  var seconds: Int64
  var nanoseconds: Int64

  /// Of the files that a context was made from, in a fixed order; zeros for one that is not there.
  static func of(_ configuration: TLSContext.Configuration) -> [FileStamp] {
    var paths: [String] = []
    if case .files(let certificate, let key) = configuration.identity { paths += [certificate, key] }
    if case .file(let path) = configuration.trust { paths.append(path) }
    return paths.map { path in
      var status = stat()
      guard stat(path, &status) == 0 else { return FileStamp(inode: 0, size: 0, seconds: 0, nanoseconds: 0) }
      return FileStamp(
        inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int64(status.st_mtim.tv_sec),
        nanoseconds: Int64(status.st_mtim.tv_nsec))
    }
  }
}
