import KubeClient
import KubeModel
import Primitives
import Site
import Synchronization
import Testing

@testable import Federation

/// Control plane unreachable is not the same as service dead: what the branch is served by keeps the federation from moving unasked.
@Suite struct HeldTakeoverTests {
  /// Nobody of the active center says that it is active.
  private struct SilentPeers: PeerProbe {
    func ask(_ host: HostName) async -> ProbeAnswer { .silent("refused") }
  }
  private final class DataPath: PeerProbe {
    private let served = Mutex(true)
    func end() { served.withLock { $0 = false } }
    func ask(_ host: HostName) async -> ProbeAnswer { served.withLock { $0 } ? .active : .silent("timed out") }
  }

  @Test func aServiceThatIsServedKeepsATakeoverBack() async throws {
    let site: Site = try SiteReader.parse(FailoverFlowTests.site, file: "site.yaml")
    let server: TestServer = try await .start()
    defer { server.stop() }
    let daemons: KubeClient = server.daemons
    func daemon(_ center: CenterName, _ host: HostName, peers: (any PeerProbe)?) -> Task<Void, Never> {
      let observer = ActivationObserver(
        client: daemons, cluster: "bank", margin: site.activation.margin, center: center, renewEvery: site.activation.renewEvery)
      var configuration = FederationController.Configuration(site: site, cluster: site.clusters[0], center: center, host: host)
      configuration.peers = peers
      let controller = FederationController(client: daemons, observer: observer, configuration: configuration)
      return Task {
        await withTaskGroup(of: Void.self) { group in
          group.addTask { await observer.run() }
          group.addTask { await controller.run() }
        }
      }
    }
    let production: Task<Void, Never> = daemon("production", "p1", peers: nil)
    let local: Task<Void, Never> = daemon("local-dr", "l1", peers: SilentPeers())
    let path = DataPath()
    let reporter = VantageReporter(
      client: server.client("branch-1", ["tricenter:vantages"]), probe: path, hosts: ["production": ["10.1.0.1:30080/"]],
      as: VantageReport(name: "branch-1", cluster: "bank", center: nil))
    let branch = Task { await reporter.run() }
    defer { for task in [production, local, branch] { task.cancel() } }
    func active() async throws -> String? {
      try await daemons.find(.leases, namespace: ActivationRecord.namespace, name: "activation-bank")?.spec["holderIdentity"].string
    }
    try await FailoverFlowTests.makeReady("l1", of: "local-dr", daemons)
    try await FailoverFlowTests.eventually("production renews") { try await active() == "production" }
    try await FailoverFlowTests.eventually("the branch reports that it is served") {
      try await daemons.find(.vantages, name: "branch-1")?.spec["sees"][0]["serving"] == true
    }

    production.cancel()
    try await FailoverFlowTests.eventually("local-dr says why it does not take over") {
      try await daemons.list(.decisions).items.contains { decision in
        decision.spec["reason"].string?.contains("clients are served") == true
          && decision.spec["inputs"]["votes"].array.contains { $0["vantage"] == "branch-1" && $0["says"] == "serving" }
      }
    }
    #expect(try await active() == "production", "nobody took over while the branch was served")

    path.end()
    try await FailoverFlowTests.eventually("local-dr takes over once the branch is not served") { try await active() == "local-dr" }
  }

  /// A report is a vote: nobody has a host's, and nobody another probe's.
  @Test func aProbeReportsUnderItsOwnName() async throws {
    let server: TestServer = try await .start()
    defer { server.stop() }
    let probe: KubeClient = server.client("branch-1", ["tricenter:vantages"])
    func refusal(_ name: String, center: CenterName?) async -> String? {
      do {
        _ = try await probe.create(
          .vantages, VantageReport(name: name, cluster: "bank", center: center).object(now: WallTime(secondsSince1970: 1)))
        return nil
      } catch let error as KubeError {
        return error.message
      } catch {
        return "\(error)"
      }
    }
    #expect(await refusal("ldr-1", center: "local-dr")?.contains("under no other name") == true)
    #expect(await refusal("branch-1", center: "local-dr")?.contains("it is no host") == true)
    #expect(await refusal("branch-1", center: nil) == nil)
    await #expect(throws: KubeError.self) {
      _ = try await probe.patch(.vantages, name: "branch-1", type: .merge, ["spec": ["kind": "host"]])
    }
    await #expect(throws: KubeError.self) { _ = try await probe.list(.failovers) }
    await #expect(throws: KubeError.self) { try await probe.delete(.vantages, name: "branch-1") }
  }
}
