import Glibc
import Primitives
import Synchronization

/// A folder of the host. Files are created with mode 0600, the folder with 0700.
public final class PosixDisk: Disk {
  public let path: String
  private let lockDescriptor: Mutex<Int32> = Mutex(-1)

  public init(_ path: String) { self.path = path }

  deinit { unlock() }

  /// The sentence of an errno, with the code by which callers tell what to do.
  static func error(_ what: String, _ path: String, _ number: Int32) -> JournalError {
    let text: String = "\(what) \(path): \(String(cString: strerror(number)))"
    switch number {
    case ENOSPC, EDQUOT: return JournalError(.noSpace, text + ". Free space on this disk")
    case ENOENT: return JournalError(.notFound, text)
    default: return JournalError(.io, text + ". Check the disk and its mount, then start the member again")
    }
  }

  private func makeFolders() throws(JournalError) {
    var prefix: String = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      prefix += prefix.isEmpty || prefix.hasSuffix("/") ? String(part) : "/\(part)"
      if mkdir(prefix, 0o700) != 0, errno != EEXIST { throw Self.error("cannot create folder", prefix, errno) }
    }
  }

  public func lock() throws(JournalError) {
    try makeFolders()
    let file: String = path + "/LOCK"
    let descriptor: Int32 = Glibc.open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw Self.error("cannot open", file, errno) }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      var buffer: Bytes = Bytes(repeating: 0, count: 20)
      let count: Int = pread(descriptor, &buffer, buffer.count, 0)
      Glibc.close(descriptor)
      let holder: String = Bytes(buffer[..<max(0, count)]).text
      throw JournalError(.locked, "\(path) is in use by process \(holder): stop it, or give this member a folder of its own")
    }
    let text: Bytes = Bytes(String(getpid()))
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
    lockDescriptor.withLock { $0 = descriptor }
  }

  public func unlock() {
    lockDescriptor.withLock { descriptor in
      if descriptor >= 0 { Glibc.close(descriptor) }
      descriptor = -1
    }
  }

  public func list() throws(JournalError) -> [String] {
    guard let folder = opendir(path) else { throw Self.error("cannot list", path, errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name: String = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  public func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    let file: String = path + "/" + name
    let descriptor: Int32 = Glibc.open(file, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0o600)
    if descriptor < 0 { throw Self.error("cannot open", file, errno) }
    return PosixFile(name: name, path: file, descriptor: descriptor)
  }

  public func rename(_ from: String, to: String) throws(JournalError) {
    if Glibc.rename(path + "/" + from, path + "/" + to) != 0 { throw Self.error("cannot rename to", path + "/" + to, errno) }
  }

  public func remove(_ name: String) throws(JournalError) {
    if unlink(path + "/" + name) != 0 { throw Self.error("cannot remove", path + "/" + name, errno) }
  }

  public func freeBytes() throws(JournalError) -> Int? {
    var status = statvfs()
    if statvfs(path, &status) != 0 { throw Self.error("cannot read the free space of", path, errno) }
    // What a file system reserves for root is root's to use.
    let blocks: UInt = UInt(geteuid() == 0 ? status.f_bfree : status.f_bavail)
    return Int(clamping: blocks.multipliedReportingOverflow(by: UInt(status.f_frsize)).partialValue)
  }

  public func syncDirectory() throws(JournalError) {
    let descriptor: Int32 = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { throw Self.error("cannot open", path, errno) }
    defer { Glibc.close(descriptor) }
    if fsync(descriptor) != 0 { throw Self.error("cannot sync", path, errno) }
  }
}

private final class PosixFile: DiskFile {
  let name: String
  private let path: String
  private let descriptor: Int32
  private let isOpen = Atomic<Bool>(true)

  init(name: String, path: String, descriptor: Int32) {
    self.name = name
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close() }

  func close() {
    if isOpen.exchange(false, ordering: .relaxed) { Glibc.close(descriptor) }
  }

  func size() throws(JournalError) -> Int {
    var status = stat()
    if fstat(descriptor, &status) != 0 { throw PosixDisk.error("cannot read the size of", path, errno) }
    return Int(status.st_size)
  }

  func write(_ bytes: Bytes, at offset: Int) throws(JournalError) {
    var done: Int = 0
    while done < bytes.count {
      let count: Int = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress! + done, $0.count - done, off_t(offset + done)) }
      if count < 0 {
        if errno == EINTR { continue }
        throw PosixDisk.error("cannot write at \(offset + done) of", path, errno)
      }
      done += count
    }
  }

  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes {
    var done: Int = 0
    var failure: Int32 = 0
    let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, initialized in
      while done < count {
        let got: Int = pread(descriptor, buffer.baseAddress! + done, count - done, off_t(offset + done))
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { break }
        done += got
      }
      initialized = done
    }
    if failure != 0 { throw PosixDisk.error("cannot read at \(offset + done) of", path, failure) }
    return bytes
  }

  func sync() throws(JournalError) {
    // EINTR does not happen to fdatasync on local file systems; where it does, what was written is unknown.
    if fdatasync(descriptor) != 0 { throw PosixDisk.error("cannot sync", path, errno) }
  }
}
