import Glibc
import Primitives
import Site

/// The disk of a host's daemons is full, or stands still again and again. For that the host's center daemon has a small disk of its own
/// (`lab up --own-disks`): filling the machine's disk, or stopping it, would meet everybody on it.
///
/// A full disk ends when the host restarts, too. A disk that stands still is let go by the fault keeper.
struct DiskEffect: FaultEffect {
  let lab: Lab
  let fault: FaultSpec

  init(_ lab: Lab, _ fault: FaultSpec) {
    self.lab = lab
    self.fault = fault
  }

  func obstacle() -> String? {
    guard lab.directory.hasOwnDisks else {
      return "its hosts have no disks of their own; `tricenter lab up --own-disks` makes a lab whose hosts have"
    }
    let dark: [HostName] = hosts.filter { lab.diskPath(of: $0) == nil }
    return dark.isEmpty ? nil : "\(dark.map(\.value).joined(separator: ", ")) has no power"
  }

  func begin(_ handle: FaultHandle) throws -> String {
    guard fault.kind == .fullDisk else {
      return "the disk of \(names) stands still for \(fault.parameters["stall"] ?? "") of every \(fault.parameters["every"] ?? "")"
    }
    for host in hosts { if let path: String = lab.diskPath(of: host) { try Self.fill(path) } }
    return "the disk of \(names) has no byte left"
  }

  private static func fill(_ path: String) throws {
    let file: Int32 = open("\(path)/\(OwnDisk.filler)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw LabError(.failed, "\(path) cannot be filled: \(String(cString: strerror(errno))).") }
    defer { close(file) }
    let block = Bytes(repeating: 0x5A, count: 1 << 20)
    // Until not one block fits; then what is left, page by page.
    for size in [block.count, 4_096] {
      while block.withUnsafeBytes({ write(file, $0.baseAddress, size) }) == size {}
    }
    fsync(file)
  }

  func end(_ handle: FaultHandle) throws -> String {
    for host in hosts {
      guard let path: String = lab.diskPath(of: host) else { continue }
      if fault.kind == .fullDisk { unlink("\(path)/\(OwnDisk.filler)") } else { Self.letGo(path) }
    }
    return "the disk of \(hosts.map(\.value).joined(separator: ", ")) is well"
  }

  /// For whoever finds it standing still: what holds it may be gone.
  @discardableResult
  static func letGo(_ path: String) -> Bool {
    guard let disk = StillDisk(path) else { return false }
    return disk.letGo()
  }
}

/// A file system that can be made to stand still (FIFREEZE and FITHAW, ioctl_fsfreeze(2)): every write and sync waits, reads go on. Held
/// open all the while: a host whose power fails meanwhile cannot die before it is let go, and its mounts cannot be found any more.
struct StillDisk {
  private let folder: Int32

  init?(_ path: String) {
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return nil }
  }

  func standStill() -> Bool { ioctl(folder, UInt(0xC004_5877), 0) == 0 }
  /// Closes it as well.
  @discardableResult
  func letGo() -> Bool {
    defer { close(folder) }
    return ioctl(folder, UInt(0xC004_5878), 0) == 0
  }
}

/// A host's own disk: ext4 on a loop device over a file in the host's folder, mounted by the host's first process where the center daemon
/// keeps its data, so it goes with the host's mounts and comes back with its power.
enum OwnDisk {
  static let filler = ".filler"
  /// Two snapshots of a drill's store, its log, and air; only what is written takes space.
  static let megabytes: Int = 1_024
}

extension LabDirectory {
  var ownDisksMarker: String { "\(path)/own-disks" }
  /// Hosts of this lab have disks of their own.
  public var hasOwnDisks: Bool { LabDirectory.exists(ownDisksMarker) }
  func diskImage(_ host: HostName) -> String { "\(self.host(host))/disk.img" }
}

extension Lab {
  /// Where a host's own disk is seen from outside of the host's mounts; nil without power, or without a disk of its own.
  func diskPath(of host: HostName) -> String? {
    guard directory.hasOwnDisks, let pid: pid_t = processes.hostInit(host) else { return nil }
    return "/proc/\(pid)/root\(directory.host(host))/center"
  }
}
