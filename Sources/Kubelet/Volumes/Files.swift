import Glibc
import Primitives

/// The few file operations that volumes need, with errors that name the path.
enum Files {
  static func fail(_ what: String) -> KubeletError { KubeletError(.fileNotWritten, "\(what): \(String(cString: strerror(errno))).") }

  /// With parents. `mode` is for the last; parents that are missing get 0750.
  static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
    let parts: [Substring] = path.split(separator: "/")
    var made: String = path.hasPrefix("/") ? "" : "."
    for (index, part) in parts.enumerated() {
      made += "/\(part)"
      let last: Bool = index == parts.count - 1
      if mkdir(made, last ? mode : 0o750) == 0 {
        if last { chmod(made, mode) }
      } else if errno != EEXIST {
        throw fail("The directory \(made) cannot be made")
      }
    }
  }

  static func write(_ bytes: Bytes, to path: String, mode: mode_t) throws {
    let file: Int32 = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
    guard file >= 0 else { throw fail("\(path) cannot be opened for writing") }
    defer { close(file) }
    var sent: Int = 0
    while sent < bytes.count {
      let count: Int = bytes[sent...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard count > 0 else { throw fail("\(path) cannot be written") }
      sent += count
    }
    // The process's umask must not take away what the volume grants.
    fchmod(file, mode)
  }

  /// Nil when it is not there.
  static func read(_ path: String, limit: Int) -> Bytes? {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: Bytes = Bytes(repeating: 0, count: limit)
    var length: Int = 0
    while length < limit {
      let count: Int = bytes[length...].withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      length += count
    }
    return Bytes(bytes[..<length])
  }

  /// The last bytes of a file; empty where it is not there.
  static func tail(_ path: String, bytes: Int) -> Bytes {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return [] }
    defer { close(file) }
    lseek(file, max(0, lseek(file, 0, SEEK_END) - bytes), SEEK_SET)
    return Bytes(unsafeUninitializedCapacity: bytes) { buffer, count in count = max(0, Glibc.read(file, buffer.baseAddress, bytes)) }
  }

  static func names(in path: String) -> [String] {
    guard let directory: OpaquePointer = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry: UnsafeMutablePointer<dirent> = readdir(directory) {
      let name: String = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func isDirectory(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
  }
  /// The path without symbolic links; nil where it leads nowhere.
  static func resolved(_ path: String) -> String? {
    guard let found: UnsafeMutablePointer<CChar> = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }
  /// Whether another file system is mounted at the path.
  static func isMountPoint(_ path: String) -> Bool {
    var own = stat()
    var parent = stat()
    return lstat(path, &own) == 0 && lstat("\(path)/..", &parent) == 0 && own.st_dev != parent.st_dev
  }
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Removes a tree without following links; mounts in it must be gone. Missing is fine.
  static func removeTree(_ path: String) {
    if isDirectory(path) {
      for name in names(in: path) { removeTree("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}
