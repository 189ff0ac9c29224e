import HTTPTypes
import KubeModel
import TLS
import Testing

@testable import APIServer

@Suite("Tiers: a pod gets one when it is made, and keeps it") struct TierTests {
  static let annotation: String = WorkloadTier.annotation

  private static func tiered(_ name: String, _ tier: String?) -> JSONValue {
    var object: JSONValue = pod(name)
    if let tier { object["metadata"]["annotations"][annotation] = .string(tier) }
    return object
  }
  private static func namespace(_ name: String, _ tier: String) -> JSONValue {
    ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(name), "annotations": [annotation: .string(tier)]]]
  }

  @Test("the namespace's stands where the pod has none") func namespaceDefault() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      #expect(try await test.ask(.post, "/api/v1/namespaces", Self.namespace("everywhere", "hot")).status == 201)
      let path: String = "/api/v1/namespaces/everywhere/pods"
      let stamped: Answer = try await test.ask(.post, path, Self.tiered("a", nil))
      #expect(stamped.object.annotations[Self.annotation] == "hot")
      let own: Answer = try await test.ask(.post, path, Self.tiered("b", "exclusive"))
      #expect(WorkloadTier(own.object) == .exclusive)
      let plain: Answer = try await test.ask(.post, PodTests.path, Self.tiered("c", nil))
      #expect(plain.object.annotations[Self.annotation] == nil && WorkloadTier(plain.object) == .exclusive)
    }
  }

  @Test("a namespace that is hot no longer makes no hot pod, on whichever server", .timeLimit(.minutes(1))) func behindCache() async throws
  {
    try await TestServer.run { (one: TestServer) async throws in
      #expect(try await one.ask(.post, "/api/v1/namespaces", Self.namespace("shop", "hot")).status == 201)
      // The second server's cache is filled and then stops listening: what it knows of the namespace is old.
      let other = TestServer(store: one.store)
      try await other.server.start()
      _ = try await other.ask(.get, "/api/v1/namespaces?resourceVersion=0")
      other.server.stop()
      let changed: Answer = try await one.ask(
        .patch, "/api/v1/namespaces/shop", ["metadata": ["annotations": [Self.annotation: "exclusive"]]],
        type: "application/merge-patch+json")
      #expect(changed.status == 200)
      let made: Answer = try await other.ask(.post, "/api/v1/namespaces/shop/pods", Self.tiered("a", nil))
      // Either refused, since it cannot learn the namespace anew, or right.
      #expect(made.status != 201 || WorkloadTier(made.object) == .exclusive)
      #expect(made.object.annotations[Self.annotation] != "hot")
    }
  }

  @Test("it does not change, by whatever way; a binding leaves it alone") func immutable() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, "/api/v1/nodes", PodTests.node("prod-1"))
      _ = try await test.ask(.post, PodTests.path, Self.tiered("a", nil))
      let hot: JSONValue = ["metadata": ["annotations": [Self.annotation: "hot"]]]
      for path in [PodTests.path + "/a", PodTests.path + "/a/status"] {
        let refused: Answer = try await test.ask(.patch, path, hot, type: "application/merge-patch+json")
        #expect(refused.status == 422)
        #expect(refused.message.contains("metadata.annotations[\(Self.annotation)]: Invalid value: \"hot\": field is immutable"))
      }
      let bound: Answer = try await test.ask(
        .post, PodTests.path + "/a/binding",
        [
          "kind": "Binding", "apiVersion": "v1", "metadata": ["name": "a", "annotations": [Self.annotation: "hot", "note": "1"]],
          "target": ["kind": "Node", "name": "prod-1"],
        ])
      #expect(bound.status == 201)
      let after: Answer = try await test.ask(.get, PodTests.path + "/a")
      #expect(WorkloadTier(after.object) == .exclusive && after.object.annotations["note"] == "1")
      // Saying what holds anyway is no change.
      let same: Answer = try await test.ask(
        .patch, PodTests.path + "/a", ["metadata": ["annotations": [Self.annotation: "exclusive"]]], type: "application/merge-patch+json")
      #expect(same.status == 200)
    }
  }

  @Test("a tier that nobody knows is refused") func unknown() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let refused: Answer = try await test.ask(.post, PodTests.path, Self.tiered("a", "luke"))
      #expect(refused.status == 422)
      #expect(refused.body["details"]["causes"][0]["field"].string == "metadata.annotations[\(Self.annotation)]")
      #expect(refused.body["details"]["causes"][0]["reason"] == "FieldValueNotSupported")
      #expect(try await test.ask(.post, "/api/v1/namespaces", Self.namespace("shop", "luke")).status == 422)
    }
  }
}
