import Glibc
import Logging
import Primitives
import Processes
import Site
import TLS

/// A two-site three-center federation on one machine: brings its parts up and down, takes a host's or a center's power, and
/// gives it back. Every step looks first at what is there, so that any command may be run again at any time.
public struct Lab: Sendable {
  public let directory: LabDirectory
  /// As the lab runs it; in the fallback, the loopback copy of what was given.
  public let site: Site
  public let mode: LabMode
  /// The `tricenter` executable that the hosts run.
  public let program: String

  public typealias Progress = @Sendable (String) -> Void

  /// A lab that `prepare` was called for before; throws `.missing` if it was not.
  public init(directory: LabDirectory, program: String) throws {
    guard LabDirectory.exists(directory.siteFile) else {
      throw LabError(.missing, "There is no lab in \(directory.path). `sites/lab/up` makes one.")
    }
    let site: Site = try SiteReader.read(path: directory.siteFile)
    self.init(
      directory: directory, site: site, mode: site.lab?.loopback == true ? .loopback(reason: "made so") : .namespaces, program: program)
  }

  private init(directory: LabDirectory, site: Site, mode: LabMode, program: String) {
    self.directory = directory
    self.site = site
    self.mode = mode
    self.program = program
  }

  /// Makes the folder, the site file that is in force, and the certificates.
  public static func prepare(
    directory: LabDirectory, siteFile: String, mode: LabMode, program: String, ownDisks: Bool = false
  ) throws -> Lab {
    var site: Site = try SiteReader.read(path: siteFile)
    guard site.lab != nil else { throw LabError(.badInput, "\(siteFile) has no section `lab`, which names the branch host.") }
    for folder in [directory.path, directory.logs, directory.images] { try LabDirectory.make(folder) }
    var text: String = LabDirectory.read(siteFile) ?? ""
    if case .loopback = mode {
      text = LoopbackSite.text(site, dnsPort: geteuid() == 0 ? site.ports.dns : 10_053)
      site = try SiteReader.parse(text, file: directory.siteFile)
    }
    try LabDirectory.write(text, to: directory.siteFile)
    if ownDisks { try useOwnDisks(directory, mode) }
    let lab = Lab(directory: directory, site: site, mode: mode, program: program)
    _ = try FederationPKI(directory: directory.pki).prepare(FederationPlan(site), now: SystemClock().wall())
    return lab
  }

  /// Before the first power: a host that has data outside would not find it again.
  private static func useOwnDisks(_ directory: LabDirectory, _ mode: LabMode) throws {
    guard !directory.hasOwnDisks else { return }
    guard mode == .namespaces else { throw LabError(.missing, "Disks of their own need hosts in namespaces, and root.") }
    for program in ["mkfs.ext4", "truncate", "losetup"] where findProgram(program) == nil {
      throw LabError(.missing, "Disks of their own need \(program), which is not installed.")
    }
    guard !LabDirectory.exists("\(directory.path)/hosts") else {
      throw LabError(.busy, "The hosts of \(directory.path) have data already: `sites/lab/down`, then `lab up --own-disks`.")
    }
    try LabDirectory.write("", to: directory.ownDisksMarker)
  }

  var processes: LabProcesses { LabProcesses(directory: directory) }
  public var usesNamespaces: Bool { mode == .namespaces }
  private var network: NetworkBuilder { NetworkBuilder(site: site, directory: directory) }

  /// Network, wide-area element and relay. Existing ones stay.
  public func bringUpNetwork(_ progress: Progress) async throws {
    guard usesNamespaces else { return }
    let daemon: pid_t? = processes.daemon("wan")
    if try await network.isComplete(), daemon != nil { return }
    for pid in processes.all().map(\.pid) { kill(pid, SIGKILL) }
    processes.waitUntilGone(processes.all().map(\.pid))
    progress("network: \(LabNetwork.namespaces(site).count) namespaces")
    try await network.makeCables()
    _ = try startDetached(
      ["nsenter", "--net=/run/netns/\(LabNetwork.wideArea)", program, "lab", "wan", "--directory", directory.path],
      log: directory.log("wan"))
    try await waitForWideArea()
    try await network.makeRoutes()
  }

  private func waitForWideArea() async throws {
    let client = WideAreaClient(directory: directory)
    for _ in 0..<200 {
      if (try? client.lines()) != nil { return }
      try await Task.sleep(for: .milliseconds(25))
    }
    throw LabError(.failed, "The wide-area element did not come up within 5 s; it says why in \(directory.log("wan")).")
  }

  /// The first port is for whoever answers first, production before local-dr before remote-dr; one more per center follows.
  public static let relayPort: Int = 17_443

  public var relayRoutes: [(port: Int, targets: [IPAddress], targetPort: Int)] {
    let everywhere: [IPAddress] = site.hosts.map(\.address)
    let centers = site.centers.enumerated().map { index, center in
      (port: Self.relayPort + 1 + index, targets: center.hosts.map(\.address), targetPort: site.ports.apiserver)
    }
    return [(port: Self.relayPort, targets: everywhere, targetPort: site.ports.apiserver)] + centers
  }

  public func bringUpRelay() throws {
    guard processes.daemon("relay") == nil else { return }
    _ = try startDetached([program, "lab", "relay", "--directory", directory.path], log: directory.log("relay"))
  }

  /// The namespace that the branch's clients live in; nil in the fallback.
  public var branchNamespace: String? { usesNamespaces ? site.lab.map { LabNetwork.namespace($0.branch.name) } : nil }

  /// What a person may try in a lab that is up.
  public var hints: [String] {
    let zone: String = "web.shop.\(site.clusters.first?.name ?? "").\(site.zone)"
    let server: String = site.hosts.last?.address.description ?? ""
    var lines: [String] = [
      "The lab is up. To explore it:", "  export KUBECONFIG=\(directory.kubeconfig)", "  kubectl get nodes -o wide",
      "  kubectl get centers,clusters,failovers",
      "  kubectl -n shop get deployment,pods,services -o wide", "  kubectl -n tricenter-system get leases -w",
      "  kubectl explain clusters.status.activation",
    ]
    if usesNamespaces {
      lines += [
        "  sites/lab/shell branch dig @\(server) \(zone)",
        "  tricenter lab link production local-dr --delay 20ms     # tricenter: .build/release/tricenter",
      ]
    } else {
      lines.append("  dig @\(server) -p \(site.ports.dns) \(zone)")
    }
    return lines + ["  sites/lab/down"]
  }

  /// Kubeconfigs that reach the lab from this machine: `kubeconfig` for whichever center answers, `kubeconfig-CENTER` for one.
  public func writeKubeconfigs() throws {
    let pki = FederationPKI(directory: directory.pki)
    let cluster: String = site.clusters.first?.name ?? site.federation
    let whole: String = try pki.kubeconfig(cluster: cluster, server: "https://127.0.0.1:\(Self.relayPort)")
    try LabDirectory.write(whole, to: directory.kubeconfig)
    for (index, center) in site.centers.enumerated() {
      let one: String = try pki.kubeconfig(cluster: cluster, server: "https://127.0.0.1:\(Self.relayPort + 1 + index)")
      try LabDirectory.write(one, to: "\(directory.kubeconfig)-\(center.name)")
    }
  }
}

extension FederationPlan {
  /// What a site's certificates are made from.
  public init(_ site: Site) {
    let hosts: [Host] = site.centers.flatMap { center in
      center.hosts.map {
        Host(center: center.name, name: $0.name, addresses: [$0.address.description], dnsNames: ["\($0.name).\(site.zone)"])
      }
    }
    self.init(federation: site.federation, hosts: hosts)
    // The first address of a service range is the Service `kubernetes`.
    apiServerAddresses = site.clusters.map { $0.services.first.advanced(by: 1).description }
    apiServerNames = site.clusters.map { "kubernetes.default.svc.\($0.domain)" }
  }
}
