import HTTPTypes
import KubeModel
import TLS
import Testing

@testable import APIServer

@Suite("Pods: binding, deletion, what a node may do") struct PodTests {
  static let path: String = "/api/v1/namespaces/default/pods"

  static func node(_ name: String, range: String = "10.1.1.0/24") -> JSONValue {
    [
      "kind": "Node", "apiVersion": "v1",
      "metadata": [
        "name": .string(name), "labels": ["topology.kubernetes.io/zone": "production", "topology.kubernetes.io/region": "north"],
      ],
      "spec": ["podCIDR": .string(range), "podCIDRs": [.string(range)]],
      "status": ["conditions": [["type": "Ready", "status": "True"]]],
    ]
  }

  static func bind(_ test: TestServer, _ pod: String, to node: String) async throws -> Answer {
    try await test.ask(
      .post, "\(path)/\(pod)/binding",
      ["kind": "Binding", "apiVersion": "v1", "metadata": ["name": .string(pod)], "target": ["kind": "Node", "name": .string(node)]])
  }

  @Test("a new pod is pending, with the tolerations and account that everybody gets") func creation() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, pod("a"))
      #expect(created.status == 201)
      #expect(created.object.status["phase"] == "Pending")
      #expect(created.object.spec["serviceAccountName"] == "default")
      #expect(created.object.spec["tolerations"].array.map { $0["tolerationSeconds"] } == [300, 300])
      #expect(created.object.spec["restartPolicy"] == "Always")
      #expect(created.object.generation == 1)
    }
  }

  @Test("a binding sets node, condition and the node's place, once") func binding() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, "/api/v1/nodes", Self.node("prod-1"))
      try await test.ask(.post, Self.path, pod("a"))
      #expect(try await Self.bind(test, "a", to: "prod-1").status == 201)
      let bound: Answer = try await test.ask(.get, Self.path + "/a")
      #expect(bound.object.spec["nodeName"] == "prod-1")
      #expect(bound.object.labels["topology.kubernetes.io/zone"] == "production")
      #expect(bound.object.labels["topology.kubernetes.io/region"] == "north")
      #expect(bound.object.status["conditions"][0]["type"] == "PodScheduled")
      let again: Answer = try await Self.bind(test, "a", to: "prod-2")
      #expect(again.status == 409)
      #expect(
        again.message
          == "Operation cannot be fulfilled on pods/binding \"a\": pod a is already assigned to node \"prod-1\"")
    }
  }

  @Test("a bound pod waits for its grace period, an unbound one goes at once") func deletion() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      try await test.ask(.post, Self.path, pod("unbound"))
      #expect(try await test.ask(.delete, Self.path + "/unbound").object.name == "unbound")
      #expect(try await test.ask(.get, Self.path + "/unbound").status == 404)
      try await test.ask(.post, "/api/v1/nodes", Self.node("prod-1"))
      try await test.ask(.post, Self.path, pod("bound"))
      #expect(try await Self.bind(test, "bound", to: "prod-1").status == 201)
      let marked: Answer = try await test.ask(.delete, Self.path + "/bound")
      #expect(marked.object.metadata["deletionGracePeriodSeconds"] == 30)
      #expect(marked.object.isBeingDeleted)
      let shorter: Answer = try await test.ask(.delete, Self.path + "/bound", ["gracePeriodSeconds": 5])
      #expect(shorter.object.metadata["deletionGracePeriodSeconds"] == 5)
      #expect(try await test.ask(.delete, Self.path + "/bound", ["gracePeriodSeconds": 0]).status == 200)
      #expect(try await test.ask(.get, Self.path + "/bound").status == 404)
    }
  }

  @Test("status and spec are written apart") func isolation() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, pod("a"))
      var changed: JSONValue = created.body
      changed["status"] = ["phase": "Running", "podIP": "10.1.1.2"]
      changed["metadata"]["labels"]["more"] = "yes"
      let spec: Answer = try await test.ask(.put, Self.path + "/a", changed)
      #expect(spec.object.status["phase"] == "Pending")
      #expect(spec.object.labels["more"] == "yes")
      changed["metadata"]["resourceVersion"] = .string(spec.object.resourceVersion)
      changed["spec"]["terminationGracePeriodSeconds"] = 1
      let status: Answer = try await test.ask(.put, Self.path + "/a/status", changed)
      #expect(status.object.status["phase"] == "Running")
      #expect(status.object.spec["terminationGracePeriodSeconds"] == 30)
      #expect(status.object.generation == 1)
    }
  }

  @Test("preconditions are kept") func preconditions() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let created: Answer = try await test.ask(.post, Self.path, pod("a"))
      let wrong: Answer = try await test.ask(.delete, Self.path + "/a", ["preconditions": ["uid": "other"]])
      #expect(wrong.status == 409)
      let right: JSONValue = ["preconditions": ["uid": .string(created.object.uid)]]
      #expect(try await test.ask(.delete, Self.path + "/a", right).status == 200)
    }
  }

  @Test("a node writes itself and its own pods only") func nodes() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let kubelet: TestServer = test.asked(by: PeerIdentity(commonName: "system:node:prod-1", organizations: ["system:nodes"]))
      #expect(try await kubelet.ask(.post, "/api/v1/nodes", Self.node("prod-2", range: "10.1.2.0/24")).status == 403)
      #expect(try await kubelet.ask(.post, "/api/v1/nodes", Self.node("prod-1")).status == 201)
      try await test.ask(.post, "/api/v1/nodes", Self.node("prod-2", range: "10.1.2.0/24"))
      for (pod, node) in [("mine", "prod-1"), ("other", "prod-2")] {
        try await test.ask(.post, Self.path, APIServerTests.pod(pod))
        _ = try await Self.bind(test, pod, to: node)
      }
      let status: JSONValue = ["status": ["phase": "Running"]]
      let merge: String = "application/merge-patch+json"
      #expect(try await kubelet.ask(.patch, Self.path + "/mine/status", status, type: merge).status == 200)
      #expect(try await kubelet.ask(.patch, Self.path + "/other/status", status, type: merge).status == 403)
      #expect(try await kubelet.ask(.patch, Self.path + "/mine", status, type: merge).status == 403)
      #expect(try await kubelet.ask(.delete, Self.path + "/other").status == 403)
      #expect(try await kubelet.ask(.get, "/api/v1/pods?fieldSelector=spec.nodeName%3Dprod-1").body["items"].array.count == 1)
      #expect(try await kubelet.ask(.get, "/api/v1/secrets").status == 403)
    }
  }

  @Test("two nodes never have one range of pod addresses") func ranges() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      #expect(try await test.ask(.post, "/api/v1/nodes", Self.node("prod-1")).status == 201)
      #expect(try await test.ask(.post, "/api/v1/nodes", Self.node("prod-2")).status == 422)
      #expect(try await test.ask(.post, "/api/v1/nodes", Self.node("prod-2", range: "10.1.0.0/16")).status == 422)
      #expect(try await test.ask(.delete, "/api/v1/nodes/prod-1").status == 200)
      #expect(try await test.ask(.post, "/api/v1/nodes", Self.node("prod-2")).status == 201)
    }
  }
}
