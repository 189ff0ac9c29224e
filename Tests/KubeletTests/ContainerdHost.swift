import Glibc
import NIOCore
import PodNetwork
import Primitives
import Processes
import Synchronization
import TestSupport

@testable import Kubelet

/// A host for tests: a network namespace of its own with a containerd of its own on private paths, reached from here through a
/// veth pair. Everything is gone after `tearDown`.
final class ContainerdHost: Sendable {
  let folder: String
  let namespace: String
  let link: String
  let hostAddress = "10.251.7.2"
  let podCIDR = "10.251.8.0/24"
  let cgroupRoot: String
  private let pid: Mutex<pid_t> = Mutex(0)
  var socket: String { "\(folder)/containerd.sock" }

  /// Why these tests cannot run here; nil if they can.
  static let obstacle: String? = {
    if geteuid() != 0 { return "these tests need root" }
    for program in ["containerd", "ctr", "runc", "ip", "nsenter", "busybox"] where findProgram(program) == nil {
      return "these tests need \(program)"
    }
    if !Files.exists("/usr/lib/cni/bridge") { return "these tests need containernetworking-plugins" }
    return nil
  }()

  init() async throws {
    let serial: Int = Int(getpid())
    folder = "/tmp/tricenter-kubelet-\(serial)"
    namespace = "tck-\(serial)"
    link = "tck\(serial % 100_000)"
    cgroupRoot = "/tricenter-test/\(serial)"
    try Files.makeDirectory(folder, mode: 0o711)
    try await Self.network(namespace, link)
    try Files.write(Bytes(Self.configuration(folder)), to: "\(folder)/containerd.toml", mode: 0o644)
    try start()
    try await Command("sh", testdata(#filePath, "images.sh"), folder).run()
    for _ in 0..<200 where !Files.exists(socket) { try await Task.sleep(for: .milliseconds(50)) }
    for name in ["pause", "web"] {
      try await Command(
        "ctr", "-a", socket, "-n", "k8s.io", "images", "import", "--base-name", "tricenter.local/\(name)", "\(folder)/\(name).tar"
      ).run()
    }
  }

  /// `spare` is an image that no pod uses.
  func importSpareImage() async throws {
    try await Command(
      "ctr", "-a", socket, "-n", "k8s.io", "images", "import", "--base-name", "tricenter.local/spare", "\(folder)/spare.tar"
    ).run()
  }

  private func start() throws {
    let started: pid_t = try startDetached(
      ["nsenter", "--net=/run/netns/\(namespace)", "containerd", "--config", "\(folder)/containerd.toml"], log: "\(folder)/containerd.log")
    pid.withLock { $0 = started }
  }

  /// What a host that loses its power leaves: files, and nothing that runs or is mounted below `/run`.
  func powerOff() async throws {
    let containerd: pid_t = pid.withLock { $0 }
    kill(containerd, SIGKILL)
    var status: Int32 = 0
    waitpid(containerd, &status, 0)
    for name in Files.names(in: "/proc") {
      guard let process = pid_t(name), let line: Bytes = Files.read("/proc/\(name)/cmdline", limit: 4_096) else { continue }
      let words: [String] = line.split(separator: 0).map { Bytes($0).text }
      if words.first?.contains("containerd-shim") == true, words.contains(socket) { kill(process, SIGKILL) }
    }
    CgroupKiller.kill(cgroupRoot)
    unmount("\(folder)/state/")
    Files.removeTree("\(folder)/state")
    unlink(socket)
    _ = try await Command("ip", "-n", namespace, "link", "delete", "tricenter0").outcome()
  }
  func powerOn() async throws {
    try start()
    for _ in 0..<200 where !Files.exists(socket) { try await Task.sleep(for: .milliseconds(50)) }
  }

  private func unmount(_ prefix: String) {
    for line in (Files.read("/proc/mounts", limit: 1 << 20)?.text ?? "").split(separator: "\n").reversed() {
      let words: [Substring] = line.split(separator: " ")
      if words.count > 1, words[1].hasPrefix(prefix) { umount2(String(words[1]), Int32(MNT_DETACH)) }
    }
  }

  private static func network(_ namespace: String, _ link: String) async throws {
    try await Command("ip", "netns", "add", namespace).run()
    try await Command("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", namespace).run()
    try await Command("ip", "address", "add", "10.251.7.1/30", "dev", link).run()
    try await Command("ip", "link", "set", link, "up").run()
    try await Command("ip", "-n", namespace, "address", "add", "10.251.7.2/30", "dev", "eth0").run()
    try await Command("ip", "-n", namespace, "link", "set", "eth0", "up").run()
    try await Command("ip", "-n", namespace, "link", "set", "lo", "up").run()
    try await Command("ip", "route", "add", "10.251.8.0/24", "via", "10.251.7.2").run()
  }

  /// CAP_SYS_RESOURCE (24) in the effective set: without it nobody may lower an oom_score_adj.
  private static var mayAdjustScores: Bool {
    let status: String = Files.read("/proc/self/status", limit: 8_192)?.text ?? ""
    let line: Substring? = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    return line.flatMap { UInt64($0.split(separator: "\t").last ?? "", radix: 16) }.map { $0 & 1 << 24 != 0 } ?? false
  }

  private static func configuration(_ folder: String) -> String {
    """
    version = 2
    root = "\(folder)/root"
    state = "\(folder)/state"
    oom_score = 0
    disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
      "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
      "io.containerd.internal.v1.tracing"]
    [grpc]
      address = "\(folder)/containerd.sock"
    [plugins."io.containerd.grpc.v1.cri"]
      sandbox_image = "tricenter.local/pause:1"
      restrict_oom_score_adj = \(!mayAdjustScores)
      disable_apparmor = true
      stream_server_address = "10.251.7.2"
      netns_mounts_under_state_dir = true
      [plugins."io.containerd.grpc.v1.cri".containerd]
        snapshotter = "overlayfs"
        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
          runtime_type = "io.containerd.runc.v2"
          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
            SystemdCgroup = false
      [plugins."io.containerd.grpc.v1.cri".cni]
        bin_dir = "/usr/lib/cni"
        conf_dir = "\(folder)/cni"

    """
  }

  var settings: KubeletConfiguration {
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: hostAddress, podCIDR: podCIDR, runtime: .containerd(socket: socket),
      rootDirectory: "\(folder)/kubelet")
    settings.cgroupRoot = cgroupRoot
    return settings
  }

  var podNetwork: PodNetworkConfiguration {
    var network = PodNetworkConfiguration(
      hostName: "prod-1", podRange: IPv4Network(podCIDR)!, cniDirectory: "\(folder)/cni", addressDirectory: "\(folder)/addresses")
    network.commandPrefix = ["nsenter", "--net=/run/netns/\(namespace)"]
    return network
  }

  /// Removes what is left and returns what the tests should not have left: sandboxes, cgroups.
  func tearDown() async -> [String] {
    var left: [String] = []
    let runtime = CRIRuntime(socket: socket, group: .singletonMultiThreadedEventLoopGroup)
    for sandbox in (try? await runtime.listSandboxes()) ?? [] {
      left.append("sandbox of \(sandbox.name)")
      try? await runtime.stopSandbox(sandbox.id)
      try? await runtime.removeSandbox(sandbox.id)
    }
    runtime.close()
    if Files.isDirectory("/sys/fs/cgroup/pids\(cgroupRoot)") {
      for name in Files.names(in: "/sys/fs/cgroup/pids\(cgroupRoot)") where name.hasPrefix("pod") { left.append("cgroup \(name)") }
    }
    CgroupKiller.kill(cgroupRoot)
    CgroupKiller.remove(cgroupRoot)
    CgroupKiller.remove("/tricenter-test")
    let pid: pid_t = pid.withLock { $0 }
    kill(pid, SIGTERM)
    var status: Int32 = 0
    for _ in 0..<200 {
      if waitpid(pid, &status, WNOHANG) != 0 { break }
      try? await Task.sleep(for: .milliseconds(20))
    }
    kill(pid, SIGKILL)
    unmount("\(folder)/")
    _ = try? await Command("ip", "link", "delete", link).run()
    _ = try? await Command("ip", "netns", "delete", namespace).run()
    Files.removeTree(folder)
    return left
  }
}
