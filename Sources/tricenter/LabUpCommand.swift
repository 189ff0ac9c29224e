import ArgumentParser
import Federation
import KubeClient
import KubeModel
import Lab
import Primitives
import Site

struct LabUp: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "up", abstract: "Bring the lab up, or what is missing of it.")
  @OptionGroup var lab: LabOptions
  @Option(help: "The site file.") var site: String = "sites/lab/site.yaml"
  @Flag(help: "Every host's center daemon on a small disk of its own, so that disks can be slow or full (a new lab only).")
  var ownDisks: Bool = false
  @Option(help: "Seconds to wait until every center serves.") var timeout: Int = 60
  @Option(help: "text or json; progress goes to standard error in both.") var output: OutputFormat = .text

  func run() async throws {
    let clock = SystemClock()
    let started: MonotonicTime = clock.now()
    let progress: Lab.Progress = { printError("[\(Int((clock.now() - started).inMilliseconds)) ms] \($0)") }
    var lab: Lab
    do {
      lab = try await bringUp(await LabMode.detect(), progress)
    } catch let error as LabError where error.code == .noContainers {
      // What no look beforehand shows: containerd is installed and does not run here.
      printError(error.message)
      try await Lab.down(directory: self.lab.folder) { progress($0) }
      lab = try await bringUp(.loopback(reason: "containerd does not run on this machine"), progress)
    }
    progress("up")
    switch output {
    case .text: for line in lab.hints { printError(line) }
    case .json:
      printJSON([
        "directory": .string(lab.directory.path), "kubeconfig": .string(lab.directory.kubeconfig), "simulated": .bool(!lab.usesNamespaces),
        "hosts": .array(lab.site.hosts.map { .string($0.name.value) }), "milliseconds": .int(Int64((clock.now() - started).inMilliseconds)),
      ])
    }
  }

  private func bringUp(_ mode: LabMode, _ progress: @escaping Lab.Progress) async throws -> Lab {
    if case .loopback(let reason) = mode {
      printError("The lab falls back to loopback addresses and SIMULATED pods: \(reason).")
    }
    let lab = try Lab.prepare(directory: self.lab.folder, siteFile: site, mode: mode, program: LabOptions.program, ownDisks: ownDisks)
    progress("certificates in \(lab.directory.pki)")
    try await lab.bringUpNetwork(progress)
    for host in lab.site.hosts { try lab.power(on: host.name) }
    progress("hosts: \(lab.site.hosts.map(\.name.value).joined(separator: " "))")
    try lab.bringUpRelay()
    try lab.writeKubeconfigs()
    try await lab.loadImages(progress)
    try await LabAccess(lab: lab).waitUntilReady(timeout: .seconds(timeout), progress)
    try lab.bringUpVantages(progress)
    return lab
  }
}

struct LabDown: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "down", abstract: "Take the lab down and leave nothing behind.")
  @OptionGroup var lab: LabOptions
  @Option(help: "text or json; progress goes to standard error in both.") var output: OutputFormat = .text

  func run() async throws {
    try await Lab.down(directory: lab.folder) { printError($0) }
    if output == .json { printJSON(["directory": .string(lab.folder.path), "down": true]) }
  }
}

struct LabStatus: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "status", abstract: "Show centers, hosts, nodes and who is active.")
  @OptionGroup var lab: LabOptions
  @Option(help: "text or json") var output: OutputFormat = .text

  func run() async throws {
    let lab: Lab = try self.lab.lab()
    let access = try LabAccess(lab: lab)
    var answering: Bool = true
    var nodes: [KubeObject] = []
    var record: ActivationRecord?
    do {
      nodes = try await access.anyCenter.list(.nodes).items
      let lease: KubeObject? = try await access.anyCenter.find(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: lab.site.clusters.first?.name ?? ""))
      record = try lease.map { try ActivationRecord($0) }
    } catch {
      answering = false
    }
    func node(_ host: HostName) -> String {
      guard answering else { return "unknown" }
      guard let node: KubeObject = nodes.first(where: { $0.name == host.value }) else { return "not registered" }
      return (Capacity.isReady(node) ? "Ready" : "NotReady") + (Fencing.fencedTaint(node) == nil ? "" : ", fenced")
    }
    switch output {
    case .text:
      let active: String = record.map { "\($0.center) is active for \($0.cluster), epoch \($0.epoch)" } ?? "no apiserver answers"
      printLine(active + (lab.usesNamespaces ? "" : "; SIMULATED pods on loopback addresses"))
      for center in lab.site.centers {
        printLine("\(center.name) (\(center.role.rawValue), \(center.city))" + (record?.center == center.name ? "  ACTIVE" : ""))
        for host in center.hosts {
          printLine("  \(host.name)  \(host.address)  power \(lab.isPowered(host.name) ? "on" : "off")  node \(node(host.name))")
        }
      }
    case .json:
      let hosts: [JSONValue] = lab.site.centers.flatMap { center in
        center.hosts.map { host in
          [
            "center": .string(center.name.value), "host": .string(host.name.value), "address": .string(host.address.description),
            "power": .bool(lab.isPowered(host.name)), "node": .string(node(host.name)),
          ]
        }
      }
      printJSON([
        "answering": .bool(answering), "active": .string(record?.center.value ?? ""), "epoch": .int(record?.epoch ?? 0),
        "simulated": .bool(!lab.usesNamespaces), "hosts": .array(hosts),
      ])
    }
  }
}
