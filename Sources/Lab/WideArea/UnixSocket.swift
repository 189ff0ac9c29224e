import Glibc
import Primitives

/// Unix stream sockets in a folder whose path may be longer than the 107 bytes of `sun_path`: the folder is opened and named by its
/// descriptor under /proc/self/fd.
enum UnixSocket {
  private static func address(directory: String, name: String) throws -> (sockaddr_un, folder: Int32) {
    let folder: Int32 = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw LabError(.missing, "\(directory) cannot be opened: \(String(cString: strerror(errno))).") }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = "/proc/self/fd/\(folder)/\(name)"
    withUnsafeMutableBytes(of: &address.sun_path) { target in
      for (index, byte) in path.utf8.enumerated() where index < target.count - 1 { target[index] = byte }
    }
    return (address, folder)
  }

  /// Replaces a socket that a dead listener left. Mode 0600.
  static func listen(directory: String, name: String) throws -> Int32 {
    var (address, folder) = try address(directory: directory, name: name)
    defer { close(folder) }
    unlink("\(directory)/\(name)")
    let descriptor: Int32 = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let bound: Int32 = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    guard descriptor >= 0, bound == 0, Glibc.listen(descriptor, 16) == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw LabError(.failed, "\(directory)/\(name) cannot be listened on: \(reason).")
    }
    chmod("\(directory)/\(name)", 0o600)
    return descriptor
  }

  static func connect(directory: String, name: String) throws -> Int32 {
    var (address, folder) = try address(directory: directory, name: name)
    defer { close(folder) }
    let descriptor: Int32 = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let connected: Int32 = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
    }
    guard descriptor >= 0, connected == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw LabError(
        .missing, "Nothing answers at \(directory)/\(name) (\(reason)). Is the lab up? `sites/lab/up` brings it up.")
    }
    return descriptor
  }
}
