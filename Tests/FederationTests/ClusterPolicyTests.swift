import KubeClient
import KubeModel
import Primitives
import Site
import Testing

@testable import Federation

/// Who decides without a person stands in the Cluster, where people change it; the site file only fills it at first.
@Suite struct ClusterPolicyTests {
  private static func site() throws -> Site { try SiteReader.parse(FailoverFlowTests.site, file: "site.yaml") }

  private static func policy(_ policy: JSONValue) throws -> ClusterPolicy {
    let site: Site = try site()
    return ClusterPolicy(KubeObject(["spec": ["policy": policy]]), plan: site.clusters[0], site: site)
  }

  @Test func theSiteFileStandsInOnlyWhileThereIsNoCluster() throws {
    let site: Site = try Self.site()
    let seed = ClusterPolicy(nil, plan: site.clusters[0], site: site)
    #expect(seed.automaticTo == ["local-dr"] && seed.silence == .zero && seed.minimumInterval == 600 && seed.approvals.verbs.isEmpty)
    // What the daemons make of the site file is what they read back.
    let made: KubeObject = FederationObjects.cluster(site.clusters[0], site: site)
    #expect(ClusterPolicy(made, plan: site.clusters[0], site: site) == seed)
    #expect(try Self.policy(.null).automaticTo.isEmpty)
    #expect(try Self.policy(["automatic": []]).automaticTo.isEmpty)
  }

  @Test func whatPeopleWriteCounts() throws {
    let policy: ClusterPolicy = try Self.policy([
      "automatic": ["production", "remote-dr", "moon"], "silenceMilliseconds": 7_000, "minimumIntervalSeconds": 0,
      "requireApproval": ["verbs": ["automatic"], "count": 2, "approvers": ["anna", "bert", "carl"]],
    ])
    // The other city only by decision, and nobody who is no center of it.
    #expect(policy.automaticTo == ["production"])
    #expect(policy.silence == .seconds(7) && policy.minimumInterval == 0)
    #expect(policy.approvals.applies(verb: Verb.automatic, target: "local-dr") && policy.approvals.count == 2)
  }

  @Test func theInstanceAsksAnewWhoMayTakeOver() {
    var local = ActivationInstance(
      .init(
        cluster: "bank", center: "local-dr", order: ["production", "local-dr"], automaticTo: ["local-dr"], lease: .seconds(3),
        renewEvery: .milliseconds(250), margin: .milliseconds(500), hostIndex: 0))
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    let record = ActivationRecord(cluster: "bank", center: "production", epoch: 1, lease: .seconds(3), resourceVersion: "9")
    for began: Int64 in [0, 3_500] { local.onRead(record, began: at(began), finished: at(began + 10)) }
    var surroundings = ActivationInstance.Surroundings()
    surroundings.automaticTo = []
    #expect(
      local.onTick(at(4_000), surroundings, obstacles: []) == [
        .refused("production is silent, and local-dr takes over only by a person's decision")
      ])
    surroundings.automaticTo = ["local-dr"]
    surroundings.automaticSilence = .seconds(5)
    #expect(local.onTick(at(4_100), surroundings, obstacles: []).isEmpty)
    local.onRead(record, began: at(5_020), finished: at(5_021))
    guard case .write(let next, .takeOver(from: "production"))? = local.onTick(at(5_030), surroundings, obstacles: []).first else {
      Issue.record("local-dr does not take over")
      return
    }
    #expect(next.center == "local-dr" && next.epoch == 2)
  }

  /// `kubectl edit cluster` while the daemons run, on one API with the daemons of two centers.
  @Test func anEditCountsAtOnce() async throws {
    let site: Site = try Self.site()
    let server: TestServer = try await .start()
    defer { server.stop() }
    let client: KubeClient = server.daemons
    let (production, local) = (
      FailoverFlowTests.daemon(site, client, "production", "p1"), FailoverFlowTests.daemon(site, client, "local-dr", "l1")
    )
    defer { for daemon in [production, local] { daemon.cancel() } }
    func active() async throws -> CenterName? {
      try await client.find(.leases, namespace: ActivationRecord.namespace, name: "activation-bank").map { try ActivationRecord($0).center }
    }
    func edit(_ policy: JSONValue) async throws {
      _ = try await client.patch(.clusters, name: "bank", type: .merge, ["spec": ["policy": policy]])
    }
    func heldBack(_ words: String) async throws -> Bool {
      try await client.list(.decisions).items.contains { decision in
        decision.spec["decision"] == "HeldBack" && decision.spec["reason"].string?.contains(words) == true
      }
    }
    try await FailoverFlowTests.makeReady("l1", of: "local-dr", client)
    try await FailoverFlowTests.eventually("the Cluster is there") { try await client.find(.clusters, name: "bank") != nil }
    #expect(try await client.get(.clusters, name: "bank").spec["policy"]["automatic"] == ["local-dr"])
    // Nobody by itself.
    try await edit(["automatic": []])
    production.cancel()
    try await FailoverFlowTests.eventually("local-dr says that a person has to decide") {
      try await heldBack("local-dr takes over only by a person's decision")
    }
    #expect(try await active() == "production")
    // It may, but not without somebody's word, for which it asks.
    try await edit(["automatic": ["local-dr"], "requireApproval": ["verbs": ["automatic"], "count": 2]])
    try await FailoverFlowTests.eventually("people are asked for their approval") {
      guard let asked = try await client.find(.failovers, name: "bank-epoch-1-to-local-dr") else { return false }
      return asked.status["message"].string?.contains("0 of 2 approvals") == true
    }
    #expect(try await active() == "production")
    try await edit(["requireApproval": .null])
    try await FailoverFlowTests.eventually("local-dr has taken over") { try await active() == "local-dr" }
  }
}
