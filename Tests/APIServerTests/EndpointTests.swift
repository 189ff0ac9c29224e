import HTTP
import KubeModel
import Keyspace
import Logging
import Primitives
import Testing

@testable import APIServer

@Suite struct EndpointTests {
  private static func server(_ store: LocalKeyspace, _ address: String) -> APIServer {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return APIServer(
      configuration: APIServerConfiguration(
        serviceRange: IPv4Range("10.96.0.0/16")!, advertiseAddress: address, advertisePort: 6443, seed: 1, logger: logger),
      store: store)
  }

  /// What a client of `server` reads.
  private static func addresses(_ server: APIServer) async throws -> (endpoints: [String], slice: [String]) {
    let test = TestServer.around(server)
    let endpoints: Answer = try await test.ask(.get, "/api/v1/namespaces/default/endpoints/kubernetes")
    let slice: Answer = try await test.ask(.get, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    return (
      endpoints.object["subsets"].array.first?["addresses"].array.compactMap { $0["ip"].string } ?? [],
      slice.object["endpoints"].array.compactMap { $0["addresses"].array.first?.string }
    )
  }

  private static func until(_ server: APIServer, _ wanted: [String]) async throws {
    let start: ContinuousClock.Instant = .now
    var seen: (endpoints: [String], slice: [String]) = ([], [])
    while ContinuousClock.now - start < .seconds(20) {
      seen = try await addresses(server)
      if seen.endpoints == wanted, seen.slice == wanted { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    Issue.record("wanted \(wanted), found \(seen)")
  }

  @Test func theServiceKubernetesLeadsToTheAPIServersThatLive() async throws {
    let store = LocalKeyspace()
    let expiry = Task { await store.run() }
    defer { expiry.cancel() }
    let first: APIServer = Self.server(store, "10.71.0.11")
    let second: APIServer = Self.server(store, "10.72.0.11")
    try await first.start()
    try await Self.until(first, ["10.71.0.11"])
    try await second.start()
    try await Self.until(first, ["10.71.0.11", "10.72.0.11"])
    for server in [first, second] { server.prefer(["10.72.0.11"]) }
    try await Self.until(first, ["10.72.0.11", "10.71.0.11"])
    // One that stops gives its lease back.
    second.stop()
    try await Self.until(first, ["10.71.0.11"])
    // One that dies leaves a lease behind that nobody renews.
    let lease: LeaseGrant = try await store.grantLease(ttlSeconds: 2, id: 0)
    _ = try await store.put(Bytes("/registry/masterleases/10.73.0.11"), Bytes("{}"), lease: lease.id)
    try await Self.until(first, ["10.71.0.11", "10.73.0.11"])
    try await Self.until(first, ["10.71.0.11"])
    first.stop()
  }

  @Test func addressesAreOrderedByCenterAndThenByNumber() {
    let found: Set<String> = ["10.72.0.9", "10.72.0.11", "10.71.0.12", "10.71.0.11"]
    #expect(
      EndpointReconciler.order(found, preferred: ["10.72.0.11", "10.72.0.9"]) == ["10.72.0.9", "10.72.0.11", "10.71.0.11", "10.71.0.12"])
  }
}
