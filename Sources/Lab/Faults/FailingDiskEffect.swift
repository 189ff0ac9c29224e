import Glibc
import Primitives
import Processes
import Site

/// The disk of a host's daemons has failed: every read and write of it ends with EIO, what was not synced by then is lost. Its file
/// system is shut down (EXT4_IOC_SHUTDOWN, linux/ext4.h: without flushing the log), which needs no device mapper and loses nothing that
/// was synced.
///
/// A file system that was shut down must be mounted anew: the host's center daemon is ended for that, and starts again on a disk that is
/// well. A host whose power fails meanwhile mounts it anew with its power.
struct FailingDiskEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func obstacle() -> String? {
    if let obstacle: String = DiskEffect(lab, fault).obstacle() { return obstacle }
    let failed: [HostName] = hosts.filter { lab.diskPath(of: $0).map(Self.hasFailed) ?? false }
    return failed.isEmpty ? nil : "the disk of \(failed.map(\.value).joined(separator: ", ")) has failed already"
  }

  func begin(_ handle: FaultHandle) throws -> String {
    for host in hosts { if let path: String = lab.diskPath(of: host) { try Self.shutDown(path) } }
    return "the disk of \(names) answers everything with EIO"
  }

  private static func shutDown(_ path: String) throws {
    let folder: Int32 = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw LabError(.failed, "\(path) cannot be opened: \(String(cString: strerror(errno))).") }
    defer { close(folder) }
    // _IOR('X', 125, __u32); 2: the log is not flushed.
    var way: UInt32 = 2
    guard ioctl(folder, UInt(0x8004_587D), &way) == 0 else {
      throw LabError(.failed, "\(path) cannot be shut down: \(String(cString: strerror(errno))).")
    }
  }

  private static func hasFailed(_ path: String) -> Bool {
    let file: Int32 = open("\(path)/.well", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { return errno == EIO }
    close(file)
    unlink("\(path)/.well")
    return false
  }

  /// Its folder and the one above are of one file system: whoever mounted it anew died in between.
  private static func isMounted(_ path: String) -> Bool {
    var (own, above) = (stat(), stat())
    return stat(path, &own) == 0 && stat("\(path)/..", &above) == 0 && own.st_dev != above.st_dev
  }

  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts {
      guard let first: pid_t = lab.processes.hostInit(host), let path: String = lab.diskPath(of: host),
        !Self.isMounted(path) || Self.hasFailed(path)
      else { continue }
      try mountAnew(host, first)
    }
    return "the disk of \(names) is well, mounted anew"
  }

  /// Nobody may keep a file open there, and nobody may start on the empty folder in between.
  private func mountAnew(_ host: HostName, _ first: pid_t) throws {
    let (holds, clock) = (Holds(lab.directory, host), SystemClock())
    let wasHeld: Bool = holds.isHeld("center", now: clock.now())
    if !wasHeld { try holds.hold("center", until: clock.now() + .seconds(20)) }
    defer { if !wasHeld { holds.release("center") } }
    let folder = "\(lab.directory.host(host))/center"
    let inside: [String] = ["nsenter", "--target", "\(first)", "--mount", "--"]
    let deadline: MonotonicTime = clock.now() + .seconds(10)
    while Self.isMounted("/proc/\(first)/root\(folder)") {
      if let pid: pid_t = lab.process("center", of: host) { kill(pid, SIGKILL) }
      let unmount: Command.Outcome = try Command(inside + ["umount", folder]).runBlocking()
      if unmount.status == 0 { break }
      guard clock.now() < deadline else { throw LabError(.failed, "\(folder) of \(host) cannot be unmounted: \(unmount.errors.text)") }
      usleep(100_000)
    }
    try Command(inside + ["mount", "-o", "loop,noatime", lab.directory.diskImage(host), folder]).runBlockingChecked()
  }
}
