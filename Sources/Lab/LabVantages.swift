import Primitives
import Processes
import Site
import TLS

extension Lab {
  /// The probes of the site file in the branch's network, each with a certificate that lets it report and nothing else. Those that run
  /// stay. In the fallback there are none: simulated pods serve nobody.
  public func bringUpVantages(_ progress: Progress) throws {
    guard let branch: String = branchNamespace, let cluster: ClusterPlan = site.clusters.first, let host: Host = site.hosts.first else {
      return
    }
    let running: [LabProcesses.Found] = processes.all().filter { $0.arguments.dropFirst().first == "vantage" }
    let pki = FederationPKI(directory: directory.pki)
    for vantage in site.vantages where !running.contains(where: { $0.arguments.contains(vantage.name) }) {
      let now: WallTime = SystemClock().wall()
      _ = try pki.prepare(person: vantage.name, groups: ["tricenter:vantages"], lifetime: .seconds(365 * 86_400), now: now)
      let kubeconfig: String = try pki.kubeconfig(
        cluster: cluster.name, server: "https://\(host.address):\(site.ports.apiserver)", person: vantage.name)
      try LabDirectory.write(kubeconfig, to: directory.kubeconfig(vantage: vantage.name))
      _ = try startDetached(
        ["nsenter", "--net=/run/netns/\(branch)", program, "lab", "vantage", "--directory", directory.path, "--name", vantage.name],
        log: directory.log(vantage.name))
    }
    if !site.vantages.isEmpty { progress("vantages: \(site.vantages.map(\.name).joined(separator: " "))") }
  }
}
