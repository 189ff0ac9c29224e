import Glibc
import Primitives

enum ConfigurationFile {
  /// With all its parents, mode 0755.
  static func makeDirectory(_ path: String) throws {
    var made: String = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      made += "/\(part)"
      guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
        throw PodNetworkError(.fileNotWritten, "The directory \(made) cannot be made: \(String(cString: strerror(errno))).")
      }
    }
  }

  /// All or nothing: containerd watches the directory and reads at every change.
  static func write(_ text: String, to path: String) throws {
    let fresh: String = path + ".new"
    let file: Int32 = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw PodNetworkError(.fileNotWritten, "\(fresh) cannot be opened: \(String(cString: strerror(errno))).")
    }
    defer { close(file) }
    let bytes: [UInt8] = Array(text.utf8)
    guard Glibc.write(file, bytes, bytes.count) == bytes.count, rename(fresh, path) == 0 else {
      throw PodNetworkError(.fileNotWritten, "\(path) cannot be written: \(String(cString: strerror(errno))).")
    }
  }
}
