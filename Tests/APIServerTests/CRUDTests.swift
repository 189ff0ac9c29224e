import HTTPTypes
import KubeModel
import Testing

@testable import APIServer

@Suite("Objects are created, read, changed and deleted") struct CRUDTests {
  static let path: String = "/api/v1/namespaces/default/configmaps"

  @Test("what was created is read back with what the server adds") func create() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, configMap("a", ["k": "v"]))
      #expect(created.status == 201)
      #expect(created.object.namespace == "default")
      #expect(created.object.uid.count == 36)
      #expect(!created.object.resourceVersion.isEmpty)
      #expect(created.object.creationTimestamp != nil)
      let read: Answer = try await test.ask(.get, Self.path + "/a")
      #expect(read.status == 200)
      #expect(read.body == created.body)
    }
  }

  @Test("a name taken is 409 AlreadyExists, a generated one is another") func names() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a"))
      let again: Answer = try await test.ask(.post, Self.path, configMap("a"))
      #expect(again.status == 409)
      #expect(again.message == "configmaps \"a\" already exists")
      let generated: JSONValue = ["kind": "ConfigMap", "apiVersion": "v1", "metadata": ["generateName": "a-"]]
      let one: Answer = try await test.ask(.post, Self.path, generated)
      let two: Answer = try await test.ask(.post, Self.path, generated)
      #expect(one.object.name.hasPrefix("a-") && one.object.name.count == 7)
      #expect(one.object.name != two.object.name)
    }
  }

  @Test("an update from an old version is 409 Conflict in Kubernetes' words") func conflict() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, configMap("a", ["k": "1"]))
      var first: JSONValue = created.body
      first["data"]["k"] = "2"
      #expect(try await test.ask(.put, Self.path + "/a", first).status == 200)
      let second: Answer = try await test.ask(.put, Self.path + "/a", first)
      #expect(second.status == 409)
      #expect(
        second.message
          == "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
      )
    }
  }

  @Test("an update that changes nothing keeps the version") func noChange() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, configMap("a", ["k": "1"]))
      let updated: Answer = try await test.ask(.put, Self.path + "/a", created.body)
      #expect(updated.object.resourceVersion == created.object.resourceVersion)
    }
  }

  @Test("the activation record and its namespace are not deleted by anybody, nor is its epoch turned back") func activation() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let leases: String = "/apis/coordination.k8s.io/v1/namespaces/tricenter-system/leases"
      func lease(_ name: String) -> JSONValue {
        [
          "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": .string(name)],
          "spec": ["holderIdentity": "production", "leaseTransitions": 4],
        ]
      }
      for name in ["activation-bank", "scheduler"] { #expect(try await test.ask(.post, leases, lease(name)).status == 201) }
      let refused: Answer = try await test.ask(.delete, leases + "/activation-bank")
      #expect(refused.status == 403 && refused.reason == "Forbidden")
      #expect(refused.message.hasPrefix("leases.coordination.k8s.io \"activation-bank\" is forbidden: this lease is the activation record"))
      // A collection goes without it.
      #expect(try await test.ask(.delete, leases).status == 200)
      #expect(try await test.ask(.get, leases + "/activation-bank").status == 200)
      #expect(try await test.ask(.get, leases + "/scheduler").status == 404)
      let namespace: Answer = try await test.ask(.delete, "/api/v1/namespaces/tricenter-system")
      #expect(namespace.status == 403)
      #expect(namespace.message == "namespaces \"tricenter-system\" is forbidden: this namespace may not be deleted")
      func epoch(_ value: JSONValue) async throws -> Int {
        try await test.ask(
          .patch, leases + "/activation-bank", ["spec": ["leaseTransitions": value]], type: "application/merge-patch+json"
        ).status
      }
      #expect(try await epoch(3) == 403)
      #expect(try await epoch(.null) == 403)
      #expect(try await epoch(5) == 200)
      // Elsewhere it is an ordinary name.
      let other: String = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
      #expect(try await test.ask(.post, other, lease("activation-bank")).status == 201)
      #expect(try await test.ask(.delete, other + "/activation-bank").status == 200)
    }
  }

  @Test("patches of three formats") func patches() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, configMap("a", ["k": "1"]))
      let merge: Answer = try await test.ask(
        .patch, Self.path + "/a", ["data": ["l": "2"]], type: "application/merge-patch+json")
      #expect(merge.body["data"] == ["k": "1", "l": "2"])
      let json: Answer = try await test.ask(
        .patch, Self.path + "/a", [["op": "remove", "path": "/data/k"]], type: "application/json-patch+json")
      #expect(json.body["data"] == ["l": "2"])
      let strategic: Answer = try await test.ask(
        .patch, Self.path + "/a", ["metadata": ["labels": ["x": "y"]]], type: "application/strategic-merge-patch+json")
      #expect(strategic.object.labels == ["x": "y"])
      let unknown: Answer = try await test.ask(.patch, Self.path + "/a", [:], type: "application/json")
      #expect(unknown.status == 415)
    }
  }

  @Test("a deletion answers a Status with the uid; the object is gone") func delete() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, configMap("a"))
      let deleted: Answer = try await test.ask(.delete, Self.path + "/a")
      #expect(deleted.body["status"] == "Success")
      #expect(deleted.body["details"]["uid"].string == created.object.uid)
      let gone: Answer = try await test.ask(.get, Self.path + "/a")
      #expect(gone.status == 404)
      #expect(gone.message == "configmaps \"a\" not found")
    }
  }

  @Test("finalizers hold an object until the last is taken") func finalizers() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      var object: JSONValue = configMap("a")
      object["metadata"]["finalizers"] = ["example.com/hold"]
      try await test.ask(.post, Self.path, object)
      let deleted: Answer = try await test.ask(.delete, Self.path + "/a")
      #expect(deleted.object.isBeingDeleted)
      #expect(try await test.ask(.get, Self.path + "/a").status == 200)
      try await test.ask(.patch, Self.path + "/a", ["metadata": ["finalizers": nil]], type: "application/merge-patch+json")
      #expect(try await test.ask(.get, Self.path + "/a").status == 404)
    }
  }

  @Test("dry run says what would be and stores nothing") func dryRun() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      #expect(try await test.ask(.post, Self.path + "?dryRun=All", configMap("a")).status == 201)
      #expect(try await test.ask(.get, Self.path + "/a").status == 404)
    }
  }

  @Test("nothing is created in a namespace that is not there or is going") func namespaces() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let missing: Answer = try await test.ask(.post, "/api/v1/namespaces/shop/configmaps", configMap("a"))
      #expect(missing.status == 404)
      #expect(missing.message == "namespaces \"shop\" not found")
      try await test.ask(.post, "/api/v1/namespaces", ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": "shop"]])
      #expect(try await test.ask(.post, "/api/v1/namespaces/shop/configmaps", configMap("a")).status == 201)
      let deleted: Answer = try await test.ask(.delete, "/api/v1/namespaces/shop")
      #expect(deleted.object.status["phase"] == "Terminating")
      let refused: Answer = try await test.ask(.post, "/api/v1/namespaces/shop/configmaps", configMap("b"))
      #expect(refused.status == 403)
      #expect(
        refused.message
          == "configmaps \"b\" is forbidden: unable to create new content in namespace shop because it is being terminated")
      var final: JSONValue = deleted.body
      final["spec"]["finalizers"] = []
      try await test.ask(.put, "/api/v1/namespaces/shop/finalize", final)
      #expect(try await test.ask(.get, "/api/v1/namespaces/shop").status == 404)
    }
  }
}
