import HTTPTypes
import KubeModel
import TLS
import Testing

@testable import APIServer

@Suite("Who gets in, and what is refused") struct AccessTests {
  @Test("nobody anonymous gets in") func anonymous() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let answer: Answer = try await test.asked(by: nil).ask(.get, "/version")
      #expect(answer.status == 401)
      #expect(answer.reason == "Unauthorized")
    }
  }

  @Test("a stranger is refused in Kubernetes' words") func stranger() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let stranger: TestServer = test.asked(by: PeerIdentity(commonName: "eve", organizations: ["people"]))
      let pods: Answer = try await stranger.ask(.get, "/api/v1/namespaces/default/pods")
      #expect(pods.status == 403)
      #expect(
        pods.message
          == "pods is forbidden: User \"eve\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"")
      let one: Answer = try await stranger.ask(.delete, "/apis/apps/v1/namespaces/shop/deployments/web")
      #expect(
        one.message
          == "deployments.apps \"web\" is forbidden: User \"eve\" cannot delete resource \"deployments\" in API group \"apps\" in the namespace \"shop\""
      )
      let nodes: Answer = try await stranger.ask(.get, "/api/v1/nodes")
      #expect(nodes.message == "nodes is forbidden: User \"eve\" cannot list resource \"nodes\" in API group \"\" at the cluster scope")
      #expect(try await stranger.ask(.get, "/metrics").message == "forbidden: User \"eve\" cannot get path \"/metrics\"")
      #expect(try await stranger.ask(.get, "/apis").status == 200)
      let review: Answer = try await test.ask(
        .post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        [
          "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
          "spec": ["resourceAttributes": ["verb": "get", "resource": "pods"]],
        ])
      #expect(review.body["status"]["allowed"] == true)
    }
  }

  @Test("what is not there, not JSON, too large or of another form is refused by name") func refusals() async throws {
    var limits = APIServerLimits()
    limits.bodyBytes = 4096
    limits.revisionWait = .milliseconds(20)
    try await TestServer.run(limits: limits) { (test: TestServer) async throws in
      let maps: String = "/api/v1/namespaces/default/configmaps"
      #expect(try await test.ask(.get, "/api/v1/unknowns").message == "the server could not find the requested resource")
      #expect(try await test.ask(.get, "/nowhere").status == 404)
      #expect(try await test.ask(.post, maps, text: "{\"kind\":").status == 400)
      #expect(try await test.ask(.post, maps, text: "k8s\0", type: "application/vnd.kubernetes.protobuf").status == 400)
      #expect(try await test.ask(.post, maps, text: "<a/>", type: "application/xml").status == 415)
      let big: Answer = try await test.ask(.post, maps, configMap("a", ["k": String(repeating: "x", count: 5000)]))
      #expect(big.status == 413)
      #expect(try await test.ask(.get, maps, accept: "application/vnd.kubernetes.protobuf").status == 406)
      #expect(try await test.ask(.post, maps, pod("a")).status == 400)
      #expect(try await test.ask(.put, maps, configMap("a")).status == 405)
      #expect(try await test.ask(.get, maps + "?labelSelector=a%20b").status == 400)
      #expect(try await test.ask(.get, maps + "?fieldSelector=spec.x%3D1").message == "field label not supported: spec.x")
      #expect(try await test.ask(.get, maps + "?continue=nonsense").status == 400)
      #expect(try await test.ask(.get, maps + "?resourceVersion=999999999").status == 504)
      #expect(try await test.ask(.post, "/api/v1/namespaces/default/nodes", configMap("a")).status == 404)
    }
  }

  @Test("unknown fields are refused, warned about or left out, as asked") func fieldValidation() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let maps: String = "/api/v1/namespaces/default/configmaps"
      var object: JSONValue = configMap("a")
      object["speck"] = 1
      let strict: Answer = try await test.ask(.post, maps + "?fieldValidation=Strict", object)
      #expect(strict.status == 400)
      #expect(strict.message.contains("strict decoding error: unknown field \"speck\""))
      let warned: Answer = try await test.ask(.post, maps, object)
      #expect(warned.status == 201)
      #expect(warned.fields[HTTPField.Name("Warning")!] == "299 - \"unknown field \\\"speck\\\"\"")
      #expect(warned.body["speck"].isNull)
      let ignored: Answer = try await test.ask(.post, maps + "?fieldValidation=Ignore&dryRun=All", ["metadata": ["name": "b"], "speck": 1])
      #expect(ignored.fields[HTTPField.Name("Warning")!] == nil)
    }
  }

  @Test("one request too many is turned away with 429") func inFlight() async throws {
    var limits = APIServerLimits()
    limits.watchers = 1
    try await TestServer.run(limits: limits) { (test: TestServer) async throws in
      let first: TestWatch = try await test.watch("/api/v1/pods?watch=1")
      #expect(first.status == 200)
      let second: Answer = try await test.ask(.get, "/api/v1/pods?watch=1")
      #expect(second.status == 429)
      #expect(second.fields[HTTPField.Name("Retry-After")!] == "1")
      withExtendedLifetime(first) {}
    }
  }
}
