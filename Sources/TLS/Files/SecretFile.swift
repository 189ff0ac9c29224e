import Glibc
import Primitives

/// Small files that must be whole or absent: certificates and keys.
public enum SecretFile {
  /// The whole file. Throws `.badFile`.
  public static func read(_ path: String) throws -> Bytes { try read(path, secret: false) }

  /// The whole file, which nobody but its owner may read or write. Throws `.keyPermissions` otherwise, `.badFile` if unreadable.
  public static func readSecret(_ path: String) throws -> Bytes { try read(path, secret: true) }

  private static func read(_ path: String, secret: Bool) throws -> Bytes {
    let file: Int32 = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw fault("read", path) }
    defer { close(file) }
    // The permissions of what was opened, not of what the path may name by now.
    var status = stat()
    guard fstat(file, &status) == 0 else { throw fault("read", path) }
    guard !secret || status.st_mode & 0o077 == 0 else {
      throw TLSError(
        .keyPermissions,
        "The private key \(path) has mode 0\(String(status.st_mode & 0o777, radix: 8)); others may read it. Replace it if they did, then: chmod 600 \(path)"
      )
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= TLSLimits.fileBytes else {
      throw TLSError(.badFile, "\(path) is not a file of at most \(TLSLimits.fileBytes) bytes.")
    }
    var bytes: Bytes = []
    var piece = Bytes(repeating: 0, count: 16_384)
    while true {
      let count: Int = Glibc.read(file, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw fault("read", path) }
      guard count > 0 else { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= TLSLimits.fileBytes else { throw TLSError(.badFile, "\(path) grows while it is read.") }
    }
  }

  /// Replaces the file at once: written beside it, synced, renamed, the directory synced. `mode` holds whatever the umask says.
  public static func write(_ bytes: Bytes, to path: String, mode: mode_t = 0o600) throws {
    let temporary: String = "\(path).\(Hexadecimal.encode(SecureRandom.bytes(6))).new"
    let file: Int32 = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0o600)
    guard file >= 0 else { throw fault("write", temporary) }
    var done: Bool = fchmod(file, mode) == 0
    var written: Int = 0
    while done, written < bytes.count {
      let count: Int = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress! + written, bytes.count - written) }
      if count < 0, errno == EINTR { continue }
      done = count > 0
      written += max(0, count)
    }
    done = done && fsync(file) == 0
    let error: TLSError? = done ? nil : fault("write", path)
    close(file)
    guard error == nil, rename(temporary, path) == 0 else {
      let error: TLSError = error ?? fault("replace", path)
      unlink(temporary)
      throw error
    }
    let folder: Int32 = open(parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw fault("sync the directory of", path) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw fault("sync the directory of", path) }
  }

  /// Makes the directory and those above it, mode 0700 for the ones it makes.
  public static func makeDirectory(_ path: String) throws {
    if mkdir(path, 0o700) == 0 { return }
    if errno == ENOENT {
      try makeDirectory(parent(of: path))
      if mkdir(path, 0o700) == 0 { return }
    }
    var status = stat()
    guard errno == EEXIST, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw fault("make the directory", path)
    }
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func fault(_ verb: String, _ path: String) -> TLSError {
    TLSError(.badFile, "Cannot \(verb) \(path): \(String(cString: strerror(errno))).")
  }
}
