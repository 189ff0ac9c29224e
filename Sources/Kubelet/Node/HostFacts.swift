import Glibc
import Primitives

/// What the kernel says about this host, read once at the start.
public struct HostFacts: Hashable, Sendable {
  public var processors: Int
  public var memoryBytes: Int64
  public var kernelVersion: String
  public var operatingSystemImage: String
  public var machineID: String
  public var bootID: String
  public var architecture: String

  public init(
    processors: Int, memoryBytes: Int64, kernelVersion: String, operatingSystemImage: String, machineID: String, bootID: String,
    architecture: String
  ) {
    self.processors = processors
    self.memoryBytes = memoryBytes
    self.kernelVersion = kernelVersion
    self.operatingSystemImage = operatingSystemImage
    self.machineID = machineID
    self.bootID = bootID
    self.architecture = architecture
  }

  /// From /proc, /etc and uname(2).
  public static func read() -> HostFacts {
    var name = utsname()
    uname(&name)
    func text(_ field: inout some Any) -> String { withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) } }
    func line(_ path: String) -> String {
      String((Files.read(path, limit: 4_096)?.text ?? "").split(separator: "\n").first ?? "")
    }
    let machine: String = text(&name.machine)
    let release: String = Files.read("/etc/os-release", limit: 4_096)?.text ?? ""
    let pretty: Substring? = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }?.dropFirst(12)
    return HostFacts(
      processors: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), memoryBytes: memory(Files.read("/proc/meminfo", limit: 8_192)?.text ?? ""),
      kernelVersion: text(&name.release), operatingSystemImage: pretty.map { String($0.filter { $0 != "\"" }) } ?? "Linux",
      machineID: line("/etc/machine-id"), bootID: line("/proc/sys/kernel/random/boot_id"),
      architecture: machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine)
  }

  /// `MemTotal:  24684876 kB` in bytes.
  static func memory(_ meminfo: String) -> Int64 {
    for line in meminfo.split(separator: "\n") where line.hasPrefix("MemTotal:") {
      return (line.split(separator: " ").dropFirst().first.flatMap { Int64($0) } ?? 0) * 1_024
    }
    return 0
  }

  /// Free bytes and all bytes of the file system that holds `path`.
  static func disk(_ path: String) -> (free: Int64, all: Int64) {
    var facts = statvfs()
    guard statvfs(path, &facts) == 0 else { return (0, 0) }
    return (Int64(facts.f_bavail) * Int64(facts.f_frsize), Int64(facts.f_blocks) * Int64(facts.f_frsize))
  }
}
