import Glibc
import KubeModel
import Primitives
import Testing

/// Disks that are full or slow: a lab whose hosts have disks of their own, in a machine of its own.
@Suite(
  "Disks of a lab's hosts", .serialized, .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")),
  .enabled(if: access("/dev/loop-control", R_OK | W_OK) == 0, "no loop devices"),
  .enabled(if: Client.etcdctl, "etcdctl is not installed"))
struct DiskFaultTests {
  @Test("are full or stand still for a while, and the store goes on") func disks() async throws {
    try await Machine.run { machine in
      var lab = TestLab(machine: machine)
      try lab.becomePatient()
      try await lab.tricenter(
        "lab", "up", "--own-disks", "--directory", lab.directory, "--site", lab.siteFile, "--timeout", "200", timeout: .seconds(300)
      ).passed()
      let up: TestLab = lab
      let first: pid_t = try #require(machine.pids("host-init", "--host ldr-1").first { children(of: $0).count > 1 })
      let folder = "/proc/\(first)/root\(lab.directory)/hosts/ldr-1/center"

      @Sendable func freeBytes() -> Int {
        var space = statvfs()
        return statvfs(folder, &space) == 0 ? Int(space.f_bavail) * Int(space.f_frsize) : -1
      }
      #expect(freeBytes() > 400 << 20)
      _ = try await lab.inject("full-disk", "ldr-1", lease: "6s")
      #expect(freeBytes() == 0)
      for number in 0..<5 { try await lab.etcdctl(["prod-1"], "put", "e2e/full", "\(number)").passed() }
      try await eventually("the disk has space again") { freeBytes() > 400 << 20 }

      /// The longest of some writes that are synced.
      @Sendable func longestSync() async throws -> Double {
        try await onAThread {
          let file: Int32 = open("\(folder)/probe", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
          defer { close(file) }
          var longest: Double = 0
          for _ in 0..<20 {
            let began = ContinuousClock.now
            _ = write(file, "x", 1)
            fsync(file)
            longest = max(longest, (ContinuousClock.now - began).milliseconds)
            usleep(50_000)
          }
          return longest
        }
      }
      let id: String = try await lab.inject("slow-disk", "ldr-1", "stall=250ms", "every=500ms")
      let slow: Double = try await longestSync()
      #expect(slow >= 150, "\(slow) ms")
      for number in 0..<5 { try await up.etcdctl(["ldr-1"], "put", "e2e/slow", "\(number)").passed() }
      // Its keeper dies while the disk may stand still; the next lets it go and carries on.
      for pid in machine.pids("lab fault-keeper", "--inner") { kill(pid, SIGKILL) }
      try await Task.sleep(for: .milliseconds(500))
      let again: Double = try await longestSync()
      #expect(again >= 150 && again < 5_000, "\(again) ms")
      try await lab.undo(id).passed()
      try await eventually("the disk is quick again") { try await longestSync() < 150 }

      // One that has failed answers everything with EIO, and loses nothing that was synced when it is well again.
      @Sendable func create() -> Int32 {
        let file: Int32 = open("\(folder)/probe-new", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return errno }
        close(file)
        return 0
      }
      let failing: String = try await lab.inject("failing-disk", "ldr-1")
      #expect(create() == EIO)
      for number in 0..<5 { try await up.etcdctl(["prod-1"], "put", "e2e/failing", "\(number)").passed() }
      try await lab.undo(failing).passed()
      #expect(create() == 0)
      try await eventually("ldr-1 serves with what it had", within: .seconds(90)) {
        try await up.etcdctl(["ldr-1"], "get", "e2e/failing", "--print-value-only").text == "4"
      }
      try await lab.down().passed()
      #expect(!readFile("/proc/mounts").contains(lab.directory), "a disk of the lab is still mounted")
    }
  }
}
