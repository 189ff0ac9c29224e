import Glibc
import Primitives
import Processes
import Site
import TLS

extension Lab {
  public static let pauseImage = "tricenter.local/pause:1"
  public static let webImage = "tricenter.local/web:1"

  /// Starts a host's first process and with it the host's services; a host that runs is left alone.
  public func power(on host: HostName) throws {
    guard processes.hostInit(host) == nil else { return }
    try LabDirectory.make(directory.host(host))
    try LabDirectory.write(HostInit.encode(try services(host)), to: directory.services(host))
    var arguments: [String] = [program, "lab", "host-init", "--directory", directory.path, "--host", host.value]
    if usesNamespaces {
      arguments =
        [
          "nsenter", "--net=/run/netns/\(LabNetwork.namespace(host))", "unshare", "--mount", "--propagation", "private", "--pid",
          "--fork", "--mount-proc",
        ] + arguments
    }
    // A copy gets the processors' time that nobody else wants (sched(7), SCHED_IDLE): production does not wait for it.
    if directory.isCopy { arguments = ["nice", "-n", "19", "chrt", "--idle", "0"] + arguments }
    _ = try startDetached(arguments, log: directory.log("\(host)-init"))
  }

  /// SIGKILL to every process of these hosts, all at one instant. Returns how many were ended; they are gone by then.
  public func power(off hosts: [HostName]) -> Int { processes.power(off: hosts) }

  /// The center daemon of a host, as this machine numbers processes.
  public func centerProcess(of host: HostName) -> pid_t? {
    guard let first: pid_t = processes.hostInit(host) else { return nil }
    return processes.descendants(of: first).first { pid in
      LabDirectory.read("/proc/\(pid)/cmdline", limit: 8_192)?.split(separator: "\0").dropFirst().first == "center"
    }
  }

  /// The words that run what follows them on a host, nil while it has no power: in the fallback without namespaces, on this machine.
  public func entry(to host: HostName) -> [String]? {
    guard let first: pid_t = processes.hostInit(host) else { return nil }
    return usesNamespaces ? ["nsenter", "--target", "\(first)", "--mount", "--net", "--pid", "--"] : ["env"]
  }

  public func isPowered(_ host: HostName) -> Bool { processes.hostInit(host) != nil }

  private func services(_ host: HostName) throws -> [HostInit.Service] {
    let folder: String = directory.host(host)
    let common: [String] = ["--site", directory.siteFile, "--pki", directory.pki, "--host", host.value]
    var services: [HostInit.Service] = []
    var runtime: String = "simulated"
    if usesNamespaces {
      runtime = "unix://\(ContainerdConfiguration.socket)"
      let networks = "\(folder)/cni"
      try LabDirectory.make(networks)
      let configuration: String = ContainerdConfiguration.text(
        sandboxImage: Self.pauseImage, networkConfiguration: networks, restrictOOMScore: !Self.mayLowerOOMScore)
      try LabDirectory.write(configuration, to: "\(folder)/containerd.toml")
      services.append(HostInit.Service(name: "containerd", arguments: ["containerd", "--config", "\(folder)/containerd.toml"]))
    }
    services.append(HostInit.Service(name: "center", arguments: [program, "center"] + common + ["--data", "\(folder)/center"]))
    services.append(
      HostInit.Service(
        name: "node",
        arguments: [program, "node"] + common + ["--root", "\(folder)/node", "--runtime", runtime, "--cni", "\(folder)/cni"]))
    return services
  }

  /// CAP_SYS_RESOURCE, bit 24 of the effective set.
  private static var mayLowerOOMScore: Bool {
    let status: String = LabDirectory.read("/proc/self/status", limit: 8_192) ?? ""
    let line: Substring? = status.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let mask: UInt64 = line.flatMap { UInt64($0.dropFirst(7).filter { $0.isHexDigit }, radix: 16) } ?? 0
    return mask >> 24 & 1 == 1
  }

  /// Builds the images once and gives them to every host's containerd that lacks them. `hosts`: only to these.
  public func loadImages(_ progress: Progress, on hosts: [HostName]? = nil) async throws {
    guard usesNamespaces else { return }
    let archives: [(name: String, file: String)] = try buildImages()
    progress("images: \(archives.map(\.name).joined(separator: ", "))")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for host in hosts ?? site.hosts.map(\.name) { group.addTask { try await load(archives, host) } }
      try await group.waitForAll()
    }
  }

  private func buildImages() throws -> [(name: String, file: String)] {
    guard let busybox: String = findProgram("busybox"), let content: Bytes = LabDirectory.readBytes(busybox, limit: 16 << 20) else {
      throw LabError(.missing, "busybox is not installed; Debian's package busybox-static has it.")
    }
    var built: [(name: String, file: String)] = []
    for image in [ImageArchive.pause(busybox: content), ImageArchive.web(busybox: content)] {
      let file: String = archive(of: image.name)
      if !LabDirectory.exists(file) { try SecretFile.write(image.archive(), to: file) }
      built.append((image.name, file))
    }
    return built
  }

  private func load(_ archives: [(name: String, file: String)], _ host: HostName) async throws {
    var present: Set<String>?
    for attempt in 0..<200 {
      if let pid: pid_t = processes.hostInit(host) {
        let outcome: Command.Outcome = try await inside(pid, ["images", "ls", "-q"]).outcome()
        if outcome.status == 0 {
          present = Set(outcome.output.text.split(separator: "\n").map(String.init))
          break
        }
      }
      if attempt == 199 {
        throw LabError(.noContainers, "containerd of \(host) did not answer within 20 s; see \(directory.log("\(host)-containerd")).")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
    for archive in archives where present?.contains(archive.name) == false {
      guard let pid: pid_t = processes.hostInit(host) else { continue }
      try await inside(pid, ["images", "import", archive.file]).run()
    }
  }

  func inside(_ pid: pid_t, _ arguments: [String]) -> Command {
    Command(
      ["nsenter", "--target", "\(pid)", "--mount", "--net", "--pid", "ctr", "--address", ContainerdConfiguration.socket, "-n", "k8s.io"]
        + arguments)
  }
}
