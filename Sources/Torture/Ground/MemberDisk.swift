import Glibc
import Lab
import Primitives
import Processes

/// What a member's folder lies on: small, and nobody else's.
enum MemberDisk: Hashable, Sendable {
  /// Memory, of so many bytes: writes are done at once, and it can be full.
  case memory(Int)
  /// ext4 on a loop device over a file in memory: it can be made to stand still, as a disk does whose controller thinks.
  case image(Int)

  func mount(at folder: String) async throws {
    try LabDirectory.make(folder)
    switch self {
    case .memory(let bytes): try await Command("mount", "-t", "tmpfs", "-o", "mode=700,size=\(bytes)", "torture", folder).run()
    case .image(let bytes):
      let below = "\(folder).below"
      try LabDirectory.make(below)
      try await Command("mount", "-t", "tmpfs", "-o", "mode=700,size=\(bytes + bytes / 8)", "torture", below).run()
      let image = "\(below)/image"
      try await Command("truncate", "-s", "\(bytes)", image).run()
      try await Command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image).run()
      // The loop device goes with the mount.
      try await Command("mount", "-o", "loop,noatime", image, folder).run()
    }
  }

  func unmount(from folder: String) async {
    _ = try? await Command("umount", "-l", folder).outcome()
    if case .image = self { _ = try? await Command("umount", "-l", "\(folder).below").outcome() }
  }

  /// Why disks cannot be made to stand still here; nil if they can.
  static func stallObstacle() -> String? {
    for program in ["mkfs.ext4", "truncate", "losetup"] where findProgram(program) == nil { return "\(program) is not installed" }
    guard access("/dev/loop-control", R_OK | W_OK) == 0 else { return "/dev/loop-control is missing or not ours" }
    return nil
  }
}

/// A file system that stands still (ioctl_fsfreeze(2)): every write and sync waits, reads go on. What the kernel still holds is written
/// first, so it takes some milliseconds more than it was asked for.
struct FrozenDisk {
  private let descriptor: Int32

  init(_ folder: String) throws {
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TortureError(.ground, "\(folder) cannot be opened: \(String(cString: strerror(errno))).") }
  }

  /// On the calling thread.
  func standStill(_ duration: Duration) throws {
    let (freeze, thaw): (UInt, UInt) = (0xC004_5877, 0xC004_5878)  // FIFREEZE, FITHAW
    guard ioctl(descriptor, freeze, 0) == 0 else {
      throw TortureError(.ground, "The disk cannot be made to stand still: \(String(cString: strerror(errno))).")
    }
    usleep(UInt32(max(0, duration.inNanoseconds / 1_000)))
    guard ioctl(descriptor, thaw, 0) == 0 else {
      throw TortureError(.ground, "The disk stands still and cannot be let go: \(String(cString: strerror(errno))).")
    }
  }

  func close() { Glibc.close(descriptor) }
}
