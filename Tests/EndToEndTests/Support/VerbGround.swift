import APIServer
import Federation
import Glibc
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Logging
import Primitives
import Processes
import Site
import TLS

/// Two centers' apiservers on one keyspace and the federation's daemons of both, in this process: enough for people's verbs, which are
/// processes here, and fast enough for a thousand of them. No pod runs.
final class VerbGround: Sendable {
  static let centers: [CenterName] = ["production", "local-dr"]
  private static let site: String = """
    federation: verbs
    zone: tricenter.test
    cities: [east, west]
    centers:
      - { name: production, role: production, city: east, network: 127.91.0.0/24, hosts: [{ name: p1, address: 127.91.0.1, pods: 127.94.1.0/24 }] }
      - { name: local-dr, role: local-dr, city: east, network: 127.92.0.0/24, hosts: [{ name: l1, address: 127.92.0.1, pods: 127.94.2.0/24 }] }
      - { name: remote-dr, role: remote-dr, city: west, network: 127.93.0.0/24, hosts: [{ name: r1, address: 127.93.0.1, pods: 127.94.3.0/24 }] }
    clusters:
      - { name: bank, services: 127.95.0.0/20, centers: [production, local-dr, remote-dr], failover: { automaticTo: [local-dr] } }
    activation: { lease: 9s, renewEvery: 200ms, margin: 1s }
    lab: { loopback: true, branch: { name: branch, network: 127.96.0.0/24, address: 127.96.0.1 } }

    """

  let folder: String
  /// As the federation's daemons, in process.
  let client: KubeClient

  private init(folder: String, client: KubeClient) {
    self.folder = folder
    self.client = client
  }

  static func run(_ body: @Sendable (VerbGround) async throws -> Void) async throws {
    let folder: String = try temporaryFolder()
    defer { _ = try? Command("rm", "-rf", folder).runBlocking() }
    var quiet = Logger(label: "test")
    quiet.logLevel = .critical
    let site: Site = try SiteReader.parse(site, file: "site.yaml")
    let (store, now): (LocalKeyspace, WallTime) = (LocalKeyspace(), SystemClock().wall())
    let authority = try CertificateAuthority.create(commonName: "verbs", lifetime: .seconds(36_000), now: now)
    var leaf = LeafDescription(commonName: "apiserver")
    leaf.addresses = ["127.0.0.1"]
    let server: TLSIdentity = try authority.issue(leaf, now: now)
    let admin: TLSIdentity = try authority.issue(LeafDescription(commonName: "admin", organizations: ["system:masters"]), now: now)
    try admin.write(certificateFile: "\(folder)/admin.pem", keyFile: "\(folder)/admin.key")
    var running: [(api: APIServer, http: HTTPServer)] = []
    for (index, center) in centers.enumerated() {
      let api = APIServer(
        configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: UInt64(index + 1), logger: quiet),
        store: store)
      let tls = try TLSContext.server(
        identity: .fixed(server), trust: .fixed(authority.trust), applicationProtocols: HTTPServerConfiguration.applicationProtocols,
        logger: quiet)
      let http = HTTPServer(
        HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), tls: tls, logger: quiet, grace: .milliseconds(50)), responder: api)
      try await api.start()
      try await http.start()
      running.append((api, http))
      let kubeconfig: String = Kubeconfig.text(
        cluster: "bank", server: "https://127.0.0.1:\(http.port ?? 0)", ca: Bytes(authority.certificate.pem),
        cert: try SecretFile.read("\(folder)/admin.pem"), key: try SecretFile.readSecret("\(folder)/admin.key"))
      try SecretFile.write(Bytes(kubeconfig), to: "\(folder)/\(center).kubeconfig")
    }
    let client: KubeClient = inProcess(running[0].api)
    let daemons: [Task<Void, Never>] = zip(centers, running).map { center, server in daemon(site, center, inProcess(server.api)) }
    let ground = VerbGround(folder: folder, client: client)
    do {
      for (center, node) in zip(centers, ["p1", "l1"]) { try await ground.makeReady(node, of: center) }
      try await eventually("production renews", within: .seconds(30)) { try await ground.record()?.center == "production" }
      try await body(ground)
    } catch {
      await end(daemons, running)
      throw error
    }
    await end(daemons, running)
  }

  private static func end(_ daemons: [Task<Void, Never>], _ servers: [(api: APIServer, http: HTTPServer)]) async {
    for daemon in daemons { daemon.cancel() }
    for server in servers {
      server.api.stop()
      await server.http.shutdown()
    }
  }

  private static func inProcess(_ api: APIServer) -> KubeClient {
    KubeClient(
      transport: InProcessTransport(
        responder: api, peer: PeerIdentity(commonName: "tricenter:federation", organizations: ["system:masters"])), fieldManager: "test")
  }

  /// What runs on a center's only host, besides pods.
  private static func daemon(_ site: Site, _ center: CenterName, _ client: KubeClient) -> Task<Void, Never> {
    let host: HostName = site.center(center)?.hosts.first?.name ?? ""
    let observer = ActivationObserver(
      client: client, cluster: "bank", margin: site.activation.margin, center: center, renewEvery: site.activation.renewEvery)
    let controller = FederationController(
      client: client, observer: observer, configuration: .init(site: site, cluster: site.clusters[0], center: center, host: host))
    let agent = NodeAgent(
      client: client, observer: observer, center: center, node: host.value, exclusivePods: { _ in 0 }, stopExclusivePods: { _, _, _ in })
    return Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await observer.run() }
        group.addTask { await controller.run() }
        group.addTask { await agent.run() }
      }
    }
  }

  private func makeReady(_ node: String, of center: CenterName) async throws {
    _ = try await client.create(
      .nodes,
      KubeObject([
        "apiVersion": "v1", "kind": "Node",
        "metadata": ["name": .string(node), "labels": [FederationNames.centerLabel: .string(center.value)]],
      ]))
    _ = try await client.patch(
      .nodes, name: node, type: .merge,
      [
        "status": [
          "conditions": [["type": "Ready", "status": "True"]], "allocatable": ["cpu": "2", "memory": "4Gi", "pods": "110"],
        ]
      ], subresource: "status")
  }

  func record() async throws -> ActivationRecord? {
    try await client.find(.leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: "bank")).map {
      try ActivationRecord($0)
    }
  }

  /// `tricenter …` as a person types it who reaches this center's apiserver first; what it says goes into a file.
  func start(_ words: [String], at center: CenterName, log: String) throws -> Background {
    var environment: [String: String] = ProcessEnvironment.current.filter { !$0.key.hasPrefix("TRICENTER_") }
    environment["KUBECONFIG"] = "\(folder)/\(center).kubeconfig"
    let path = "\(folder)/\(log)"
    return Background(pid: try startDetached([Program.path] + words, environment: environment, log: path), log: path)
  }
}
