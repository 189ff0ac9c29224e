import Federation
import HTTP
import KubeClient
import KubeModel
import Lab
import NIOPosix
import Primitives
import Site
import TLS

/// The lab's apiservers as this machine reaches them, through the relay on loopback.
struct LabAccess {
  let lab: Lab
  private let tls: TLSContext

  init(lab: Lab) throws {
    self.lab = lab
    let pki = FederationPKI(directory: lab.directory.pki)
    let person = pki.files(person: "admin")
    tls = try .client(
      identity: .files(certificate: person.certificate, key: person.key), trust: .file(pki.authorityCertificate),
      applicationProtocols: HTTPServerConfiguration.applicationProtocols)
  }

  private func client(port: Int) -> KubeClient {
    var configuration = HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], tls: tls)
    configuration.connectTimeout = .seconds(1)
    var client = KubeClient(transport: HTTPClient(configuration), fieldManager: "tricenter-lab")
    client.requestTimeout = .seconds(2)
    client.followsRetryAfter = false
    return client
  }

  /// Whichever center answers.
  var anyCenter: KubeClient { client(port: Lab.relayPort) }

  func center(_ name: CenterName) -> KubeClient {
    client(port: Lab.relayPort + 1 + (lab.site.centers.firstIndex { $0.name == name } ?? 0))
  }

  /// Waits until every center's apiserver answers from the store and all nodes are ready; tells what it waits for when that changes.
  func waitUntilReady(timeout: Duration, _ progress: Lab.Progress) async throws {
    let deadline: MonotonicTime = SystemClock().now() + timeout
    var told: String = ""
    while true {
      let missing: String = await missing()
      if missing.isEmpty { return }
      if missing != told { progress("waiting for \(missing)") }
      told = missing
      guard SystemClock().now() < deadline else {
        throw ValidationFault(
          "The lab is not ready after \(timeout): it waits for \(missing). The daemons' logs are in \(lab.directory.logs).")
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private func missing() async -> String {
    for name in lab.site.centers.map(\.name) {
      do {
        let nodes: [KubeObject] = try await center(name).list(.nodes).items
        let ready: Set<String> = Set(nodes.filter { Capacity.isReady($0) }.map(\.name))
        let unready: [String] = lab.site.hosts.map(\.name.value).filter { !ready.contains($0) }
        if !unready.isEmpty { return "nodes " + unready.joined(separator: ", ") }
      } catch {
        return "the apiserver of \(name)"
      }
    }
    do {
      let lease: KubeObject? = try await anyCenter.find(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: lab.site.clusters.first?.name ?? ""))
      return lease == nil ? "the first activation" : ""
    } catch {
      return "the store"
    }
  }
}
