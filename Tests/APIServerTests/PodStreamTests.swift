import HTTPTypes
import KubeModel
import TLS
import Testing

@testable import APIServer

@Suite("Streams into pods, refused") struct PodStreamTests {
  @Test("By name and in order: pod, container, node, certificate, upgrade") func refusals() async throws {
    try await TestServer.run { (server: TestServer) async throws in
      let path: String = "/api/v1/namespaces/default/pods/web"
      #expect(try await server.ask(.get, path + "/log").status == 404)
      var two: JSONValue = pod("web")
      two["spec"]["containers"] = [["name": "web", "image": "a"], ["name": "side", "image": "b"]]
      try await server.ask(.post, "/api/v1/namespaces/default/pods", two)
      let unnamed: Answer = try await server.ask(.get, path + "/log")
      #expect(unnamed.status == 400)
      #expect(unnamed.message == "a container name must be specified for pod web, choose one of: [web side]")
      #expect(try await server.ask(.get, path + "/log?container=none").message == "container none is not valid for pod web")
      #expect(try await server.ask(.get, path + "/log?container=web").message == "pod web does not have a host assigned")
      #expect(try await server.ask(.get, path + "/log?container=web&tailLines=-1").status == 422)
      #expect(try await server.ask(.get, path + "/log?container=web&tailLines=x").status == 400)
      #expect(try await server.ask(.get, path + "/log?container=web&sinceTime=yesterday").status == 400)
      #expect(try await server.ask(.get, path + "/log?container=web&sinceTime=2026-11-22T10:00:00Z&sinceSeconds=1").status == 400)
      #expect(try await server.ask(.post, path + "/log?container=web").status == 405)
      #expect(try await server.ask(.put, path + "/exec?container=web").status == 405)
      let node: JSONValue = [
        "apiVersion": "v1", "kind": "Node", "metadata": ["name": "prod-1"],
        "status": ["addresses": [["type": "InternalIP", "address": "10.0.0.1"]]],
      ]
      try await server.ask(.post, "/api/v1/nodes", node)
      try await server.ask(
        .post, path + "/binding",
        ["apiVersion": "v1", "kind": "Binding", "metadata": ["name": "web"], "target": ["kind": "Node", "name": "prod-1"]])
      let certificate: Answer = try await server.ask(.get, path + "/log?container=web")
      #expect(certificate.status == 503)
      #expect(certificate.message.contains("no client certificate for kubelets"))
    }
  }

  @Test("Whoever opens a stream creates something, whatever the method says") func verbs() async throws {
    try await TestServer.run { (server: TestServer) async throws in
      let reader = server.asked(by: PeerIdentity(commonName: "system:node:prod-1", organizations: ["system:nodes"]))
      for (method, kind, verb) in [
        (HTTPRequest.Method.get, "exec", "create"), (.post, "attach", "create"), (.get, "portforward", "create"), (.get, "log", "get"),
      ] {
        let answer: Answer = try await reader.ask(method, "/api/v1/namespaces/default/pods/web/\(kind)")
        #expect(answer.status == 403)
        #expect(answer.message.contains("cannot \(verb) resource \"pods/\(kind)\""), "\(answer.message)")
      }
    }
  }
}
