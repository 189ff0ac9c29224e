import HTTPTypes
import KubeModel
import Keyspace
import Logging
import Primitives
import Testing

@testable import APIServer

@Suite("What the store does and does not say") struct StorageTests {
  static let path: String = "/api/v1/namespaces/default/configmaps"

  @Test("a write whose fate the store could not tell is told as what it was") func undecidedWrites() async throws {
    let local = LocalKeyspace()
    let store = ShakyStore(local)
    try await TestServer.run(store: local, over: store) { (test: TestServer) async throws in
      store.next(undecided: 2)
      let created: Answer = try await test.ask(.post, Self.path, configMap("a", ["k": "1"]))
      #expect(created.status == 201)
      #expect(try await test.ask(.get, Self.path + "/a").object.resourceVersion == created.object.resourceVersion)
      store.next(undecided: 1)
      let changed: Answer = try await test.ask(.patch, Self.path + "/a", ["data": ["k": "2"]], type: "application/merge-patch+json")
      #expect(changed.status == 200 && changed.body["data"]["k"] == "2")
      store.next(undecided: 1)
      #expect(try await test.ask(.delete, Self.path + "/a").status == 200)
      store.next(undecided: 9)
      let unknown: Answer = try await test.ask(.post, Self.path, configMap("b"))
      #expect(unknown.status == 504)
      #expect(unknown.fields[HTTPField.Name("Retry-After")!] == nil)
    }
  }

  @Test("requests wait for an election") func elections() async throws {
    let local = LocalKeyspace()
    let store = ShakyStore(local)
    try await TestServer.run(store: local, over: store) { (test: TestServer) async throws in
      store.next(leaderless: 3)
      #expect(try await test.ask(.post, Self.path, configMap("a")).status == 201)
    }
  }

  @Test("of two servers one compacts per turn, and nothing newer than the last turn") func compaction() async throws {
    let local = LocalKeyspace()
    try await TestServer.run(store: local) { (test: TestServer) async throws in
      let compactor = Compactor(storage: test.server.handlers.storage, interval: .seconds(300), logger: Logger(label: "test"))
      let first: Compactor.Place = try await compactor.step(Compactor.Place())
      let other: Compactor.Place = try await compactor.step(Compactor.Place())
      #expect(other.turn == first.turn)
      let made: Answer = try await test.ask(.post, Self.path, configMap("a"))
      _ = try await compactor.step(first)
      _ = try await compactor.step(other)
      let kept: Answer = try await test.ask(
        .get, "\(Self.path)?resourceVersion=\(made.object.resourceVersion)&resourceVersionMatch=Exact")
      #expect(kept.status == 200)
      // Until the cache has heard of the change it knows the state of revision 1 itself, and rightly answers.
      let heard: Answer = try await test.ask(
        .get, "\(Self.path)?resourceVersion=\(made.object.resourceVersion)&resourceVersionMatch=NotOlderThan")
      #expect(heard.status == 200)
      let gone: Answer = try await test.ask(.get, "\(Self.path)?resourceVersion=1&resourceVersionMatch=Exact")
      #expect(gone.status == 410)
    }
  }

  @Test("events are put under a lease that ends, others are not") func eventLease() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let event: JSONValue = [
        "kind": "Event", "apiVersion": "v1", "metadata": ["generateName": "e"],
        "involvedObject": ["kind": "Pod", "name": "a", "namespace": "default"],
        "reason": "Tested", "message": "m", "type": "Normal",
      ]
      for _ in 0..<3 { #expect(try await test.ask(.post, "/api/v1/namespaces/default/events", event).status == 201) }
      let leases: [Int64] = try await test.store.leases()
      #expect(leases.count == 1)
      #expect(try await test.store.leaseTimeToLive(id: leases[0], withKeys: true).keys.count == 3)
    }
  }

  @Test("stored bytes carry no resource version, and lie where the layout says") func layout() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a"))
      let stored: RangeResponse = try await test.store.get(Bytes("/registry/configmaps/default/a"))
      let object = KubeObject(try JSONValue.parse(try #require(stored.keyValues.first).value))
      #expect(object.name == "a" && object.resourceVersion.isEmpty)
      #expect(
        StorageLayout(prefix: "/banks/north/").folder(group: "apps", resource: "deployments") == "/banks/north/registry/apps/deployments/")
    }
  }
}
