import HTTPTypes
import KubeModel
import Keyspace
import Testing

@testable import APIServer

@Suite("Services: addresses and node ports") struct ServiceTests {
  static let path: String = "/api/v1/namespaces/default/services"

  static func service(_ name: String, _ more: JSONValue = [:]) -> JSONValue {
    var spec: JSONValue = ["ports": [["port": 80]], "selector": ["app": "web"]]
    for member in more.object?.members ?? [] { spec[member.key] = member.value }
    return ["kind": "Service", "apiVersion": "v1", "metadata": ["name": .string(name)], "spec": spec]
  }

  @Test("a service gets an address, and gives it back") func allocation() async throws {
    // Room for one: the network, the kubernetes Service and the broadcast address are taken.
    try await TestServer.run(range: "10.96.0.0/30") { (test: TestServer) async throws in
      let kubernetes: Answer = try await test.ask(.get, Self.path + "/kubernetes")
      #expect(kubernetes.object.spec["clusterIP"] == "10.96.0.1")
      let first: Answer = try await test.ask(.post, Self.path, Self.service("a"))
      #expect(first.object.spec["clusterIP"] == "10.96.0.2")
      #expect(first.object.spec["clusterIPs"] == ["10.96.0.2"])
      let full: Answer = try await test.ask(.post, Self.path, Self.service("b"))
      #expect(full.status == 500)
      #expect(full.message == "Internal error occurred: failed to allocate a serviceIP: range is full")
      try await test.ask(.delete, Self.path + "/a")
      #expect(try await test.ask(.post, Self.path, Self.service("b")).object.spec["clusterIP"] == "10.96.0.2")
    }
  }

  @Test("an address asked for must be in range and free, and never changes") func asked() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      #expect(try await test.ask(.post, Self.path, Self.service("a", ["clusterIP": "10.96.7.7"])).status == 201)
      let taken: Answer = try await test.ask(.post, Self.path, Self.service("b", ["clusterIP": "10.96.7.7"]))
      #expect(taken.status == 422)
      #expect(taken.message.contains("provided IP is already allocated"))
      let outside: Answer = try await test.ask(.post, Self.path, Self.service("b", ["clusterIP": "10.97.0.1"]))
      #expect(outside.status == 422)
      #expect(outside.message.contains("The range of valid IPs is 10.96.0.0/16"))
      let moved: Answer = try await test.ask(
        .patch, Self.path + "/a", ["spec": ["clusterIP": "10.96.7.8", "clusterIPs": ["10.96.7.8"]]], type: "application/merge-patch+json")
      #expect(moved.status == 422)
    }
  }

  @Test("headless and external services have no address") func withoutAddress() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let headless: Answer = try await test.ask(.post, Self.path, Self.service("a", ["clusterIP": "None"]))
      #expect(headless.object.spec["clusterIPs"] == ["None"])
      let external: Answer = try await test.ask(
        .post, Self.path, Self.service("b", ["type": "ExternalName", "externalName": "shop.example", "ports": nil, "selector": nil]))
      #expect(external.status == 201)
      #expect(external.object.spec["clusterIP"].isNull)
    }
  }

  @Test("node ports are given, kept over updates, refused twice, and given back") func nodePorts() async throws {
    try await TestServer.run { (test: TestServer) async throws in
      let first: Answer = try await test.ask(
        .post, Self.path, Self.service("a", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
      #expect(first.object.spec["ports"][0]["nodePort"] == 30080)
      let again: Answer = try await test.ask(
        .post, Self.path, Self.service("b", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
      #expect(again.status == 422)
      #expect(again.message.contains("provided port is already allocated"))
      let chosen: Answer = try await test.ask(.post, Self.path, Self.service("b", ["type": "NodePort"]))
      let port: Int64 = chosen.object.spec["ports"][0]["nodePort"].int ?? 0
      #expect((30000...32767).contains(port))
      // Written whole without what the server had chosen: it stays.
      let rewritten: Answer = try await test.ask(.put, Self.path + "/b", Self.service("b", ["type": "NodePort"]))
      #expect(rewritten.object.spec["ports"][0]["nodePort"] == .int(port))
      #expect(rewritten.object.spec["clusterIP"] == chosen.object.spec["clusterIP"])
      let plain: Answer = try await test.ask(
        .patch, Self.path + "/a", ["spec": ["type": "ClusterIP", "ports": [["port": 80]]]], type: "application/merge-patch+json")
      #expect(plain.object.spec["ports"][0]["nodePort"].isNull)
      let free: Answer = try await test.ask(
        .post, Self.path, Self.service("c", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
      #expect(free.status == 201)
    }
  }

  @Test("several servers at once never give one address twice") func concurrency() async throws {
    let store = LocalKeyspace()
    try await TestServer.run(store: store, range: "10.96.0.0/25", seed: 1) { (one: TestServer) async throws in
      try await TestServer.run(store: store, range: "10.96.0.0/25", seed: 2) { (two: TestServer) async throws in
        let addresses: [String] = try await withThrowingTaskGroup(of: String.self) { group in
          for index in 0..<100 {
            let test: TestServer = index % 2 == 0 ? one : two
            group.addTask {
              try await test.ask(.post, Self.path, Self.service("s\(index)")).object.spec["clusterIP"].string ?? "none of \(index)"
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(addresses).count == 100)
        #expect(addresses.allSatisfy { $0.hasPrefix("10.96.0.") })
        let seen: Answer = try await two.ask(.get, Self.path)
        #expect(seen.body["items"].array.count == 101)
      }
    }
  }
}
