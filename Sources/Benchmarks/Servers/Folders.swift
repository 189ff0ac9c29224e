import Glibc
import Primitives

/// The folders of a comparison: 0700, since keys lie in them.
enum Folders {
  /// Its parent exists. A folder that is there already is used.
  static func make(_ path: String) throws {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw BenchmarkError(.server, "The folder \(path) cannot be made: \(String(cString: strerror(errno))).")
    }
  }

  /// With all that is in it; links are removed, not followed.
  static func remove(_ path: String) {
    if let folder: OpaquePointer = opendir(path) {
      while let entry: UnsafeMutablePointer<dirent> = readdir(folder) {
        let name: String = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard name != ".", name != ".." else { continue }
        if entry.pointee.d_type == 4 /* DT_DIR */ { remove("\(path)/\(name)") } else { unlink("\(path)/\(name)") }
      }
      closedir(folder)
    }
    rmdir(path)
  }
}
