import KubeClient
import KubeModel
import Keyspace
import Primitives
import Site
import Testing

@testable import Federation

/// The daemons of two centers on one API: what becomes of what people write, and of a record that is deleted in the store.
@Suite struct FailoverFlowTests {
  /// The shortest lease that a site may have.
  static let site: String = """
    federation: test
    zone: tricenter.test
    cities: [east, west]
    centers:
      - { name: production, role: production, city: east, network: 10.1.0.0/24, hosts: [{ name: p1, address: 10.1.0.1, pods: 10.11.1.0/24 }] }
      - { name: local-dr, role: local-dr, city: east, network: 10.2.0.0/24, hosts: [{ name: l1, address: 10.2.0.1, pods: 10.12.1.0/24 }] }
      - { name: remote-dr, role: remote-dr, city: west, network: 10.3.0.0/24, hosts: [{ name: r1, address: 10.3.0.1, pods: 10.13.1.0/24 }] }
    clusters:
      - name: bank
        services: 10.196.0.0/16
        domain: cluster.local
        nodePorts: 30000-32767
        centers: [production, local-dr, remote-dr]
        failover: { automaticTo: [local-dr] }
    activation: { lease: 2s, renewEvery: 100ms, margin: 300ms }
    """

  static func daemon(_ site: Site, _ client: KubeClient, _ center: CenterName, _ host: HostName) -> Task<Void, Never> {
    let observer = ActivationObserver(
      client: client, cluster: "bank", margin: site.activation.margin, center: center, renewEvery: site.activation.renewEvery)
    let controller = FederationController(
      client: client, observer: observer, configuration: .init(site: site, cluster: site.clusters[0], center: center, host: host))
    return Task {
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await observer.run() }
        group.addTask { await controller.run() }
      }
    }
  }

  /// Looks until it is so. Looks are counted, not seconds: on a busy machine the daemons are as slow as this.
  static func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
    for _ in 0..<1_000 {
      if try await holds() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("never happened: \(what)")
  }

  static func makeReady(_ node: String, of center: String, _ client: KubeClient) async throws {
    _ = try await client.create(
      .nodes,
      KubeObject([
        "apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(node), "labels": [FederationNames.centerLabel: .string(center)]],
      ]))
    _ = try await client.patch(
      .nodes, name: node, type: .merge,
      [
        "status": [
          "conditions": [["type": "Ready", "status": "True"]], "allocatable": ["cpu": "2", "memory": "4Gi", "pods": "110"],
        ]
      ], subresource: "status")
  }

  @Test func aFailoverIsJudgedOnceAndADeletedRecordComesBack() async throws {
    let site: Site = try SiteReader.parse(Self.site, file: "site.yaml")
    let store = LocalKeyspace()
    let server: TestServer = try await .start(store)
    defer { server.stop() }
    let client: KubeClient = server.daemons
    let daemons: [Task<Void, Never>] = [Self.daemon(site, client, "production", "p1"), Self.daemon(site, client, "local-dr", "l1")]
    defer { for daemon in daemons { daemon.cancel() } }
    func record() async throws -> ActivationRecord? {
      try await client.find(.leases, namespace: ActivationRecord.namespace, name: "activation-bank").map { try ActivationRecord($0) }
    }
    func ask(_ name: String, to: String) async throws {
      _ = try await client.create(
        .failovers,
        KubeObject([
          "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)],
          "spec": ["cluster": "bank", "to": .string(to), "kind": "planned"],
        ]))
    }
    func status(_ name: String) async throws -> JSONValue { try await client.get(.failovers, name: name).status }
    try await Self.eventually("production renews") { try await record()?.center == "production" }

    try await ask("home", to: "production")
    try await Self.eventually("a move to the active center is refused") { try await status("home")["phase"] == "Refused" }
    try await ask("away", to: "local-dr")
    try await Self.eventually("what blocks is told") {
      Finding(try await status("away")["blocking"][0]).measured == "no node of local-dr is ready"
    }
    #expect(try await status("away")["acceptedEpoch"] == 1)
    #expect(try await status("away")["phase"] == "Pending")

    // Its cure lets it go on.
    try await Self.makeReady("l1", of: "local-dr", client)
    try await Self.eventually("local-dr has taken over and says so") { try await status("away")["phase"] == "Completed" }
    #expect(try await status("away")["epoch"] == 2)
    #expect(try await record()?.center == "local-dr")
    #expect(try await status("home")["phase"] == "Refused")
    #expect(try await status("away")["conditions"].array.map { $0["type"].string } == ["Accepted", "Activated", "Completed"])
    // What was decided, in the order in which it was.
    try await Self.eventually("every decision about the move is there") {
      let all: [KubeObject] = try await client.list(.decisions).items.filter { $0.spec["failover"] == "away" }
      return Set(all.compactMap { $0.spec["decision"].string }).isSuperset(of: ["Accepted", "GaveWay", "TookOver"])
    }
    let refusal: KubeObject? = try await client.list(.decisions).items.first { $0.spec["failover"] == "home" }
    #expect(refusal?.spec["decision"] == "Refused" && refusal?.spec["inputs"]["epoch"] == 1)
    // A dry run is answered and does nothing.
    _ = try await client.create(
      .failovers,
      KubeObject([
        "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": "dry"],
        "spec": ["cluster": "bank", "to": "remote-dr", "kind": "switchover", "dryRun": true],
      ]))
    try await Self.eventually("the dry run is answered") { try await status("dry")["phase"] == "Refused" }
    #expect(Finding(try await status("dry")["blocking"][0]).object == "Center/remote-dr")
    #expect(try await status("dry")["acceptedEpoch"].isNull)
    #expect(try await record()?.center == "local-dr")

    // Nobody may delete the record through the API; in the store it can be done.
    await #expect(throws: KubeError.self) {
      try await client.delete(.leases, namespace: ActivationRecord.namespace, name: "activation-bank")
    }
    let keys: [Bytes] = try await store.range(RangeRequest(.prefix(Bytes("/registry/")), keysOnly: true)).keyValues.map(\.key)
    for key in keys where key.text.hasSuffix("/activation-bank") {
      _ = try await store.transact(TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: key)))]))
    }
    try await Self.eventually("local-dr is active above every epoch that was") {
      guard let record: ActivationRecord = try await record() else { return false }
      return record.center == "local-dr" && record.epoch == 4 && record.handover == nil
    }
    try await Self.eventually("the Cluster shows it") {
      let activation: JSONValue = try await client.get(.clusters, name: "bank").status["activation"]
      return activation["epoch"] == 4 && activation["reason"] == "Resumed"
    }
  }
}
