import APIServer
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Primitives
import TLS
import Testing

/// Requests over a plain socket come from nobody; here they come from an administrator, so that no certificates are needed.
struct AsAdministrator: Responder {
  static let peer = PeerIdentity(commonName: "admin", organizations: ["system:masters"])
  let inner: any Responder
  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    var request: ServerRequest = request
    request.peer = Self.peer
    try await inner.respond(to: request, through: response)
  }
}

/// One body, three ways to the same apiserver: in process, HTTP/1.1 and HTTP/2 over a socket.
@Suite(.serialized) struct TwoTransportsTests {
  enum Way: Sendable, CaseIterable {
    case inProcess, http1, http2
  }

  func apiserver(_ store: LocalKeyspace) async throws -> APIServer {
    let server = APIServer(configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!), store: store)
    try await server.start()
    return server
  }

  func listener(_ server: APIServer) async throws -> HTTPServer {
    var configuration = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0))
    configuration.grace = .zero
    let listener = HTTPServer(configuration, responder: AsAdministrator(inner: server))
    try await listener.start()
    return listener
  }

  func map(_ name: String, _ value: String = "1") -> KubeObject {
    KubeObject([
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "namespace": "default"], "data": ["v": .string(value)],
    ])
  }

  @Test(arguments: Way.allCases) func `the same calls, whatever carries them`(way: Way) async throws {
    let server: APIServer = try await apiserver(LocalKeyspace())
    let listener: HTTPServer = try await listener(server)
    let transport: any HTTPTransport =
      switch way {
      case .inProcess: InProcessTransport(responder: server, peer: AsAdministrator.peer)
      case .http1: HTTPClient(.init(targets: [.host("127.0.0.1", port: listener.port ?? 0)], version: .http1))
      case .http2: HTTPClient(.init(targets: [.host("127.0.0.1", port: listener.port ?? 0)], version: .http2))
      }
    let client = KubeClient(transport: transport, fieldManager: "test")
    let informer = Informer(client: client, resource: .configMaps, namespace: "default")
    let journal = Journal()
    informer.addHandler(journal.handlers())
    let running = Task { await informer.run() }
    try await informer.waitUntilSynced()

    let made: KubeObject = try await client.create(.configMaps, map("a"))
    await #expect(throws: KubeError(.alreadyExists, "")) { try await client.create(.configMaps, map("a")) }
    var changed: KubeObject = made
    changed["data"]["v"] = "2"
    let written: KubeObject = try await client.update(.configMaps, changed)
    let stale = await #expect(throws: KubeError.self) { try await client.update(.configMaps, changed) }
    #expect(stale?.code == .conflict && stale?.status?.httpStatus == 409)
    for (type, patch) in [
      (PatchType.merge, ["data": ["m": "1"]] as JSONValue), (.strategic, ["data": ["s": "1"]]),
      (.json, [["op": "add", "path": "/data/j", "value": "1"]]),
      (.apply(force: true), ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "a"], "data": ["y": "1"]]),
    ] {
      _ = try await client.patch(.configMaps, namespace: "default", name: "a", type: type, patch)
    }
    let final: KubeObject = try await client.get(.configMaps, namespace: "default", name: "a")
    #expect(final["data"].stringMap == ["v": "2", "m": "1", "s": "1", "j": "1", "y": "1"])
    #expect(Int(final.resourceVersion) ?? 0 > Int(written.resourceVersion) ?? 0)
    await #expect(throws: KubeError(.notFound, "")) { try await client.get(.configMaps, namespace: "default", name: "none") }
    #expect(try await client.find(.configMaps, namespace: "default", name: "none") == nil)
    try await client.delete(.configMaps, namespace: "default", name: "a", options: DeleteOptions(uid: final.uid))
    try await eventually("the informer saw it all") { journal.all.count == 7 }
    #expect(journal.all.first?.hasPrefix("+a@") == true && journal.all.last?.hasPrefix("-a@") == true)
    #expect(informer.cache.count == 0)
    running.cancel()
    await running.value
    await listener.shutdown()
    server.stop()
  }

  @Test func `a list of more than a page comes whole`() async throws {
    let server: APIServer = try await apiserver(LocalKeyspace())
    let client = KubeClient(transport: InProcessTransport(responder: server, peer: AsAdministrator.peer), fieldManager: "test")
    for number in 0..<502 { _ = try await client.create(.configMaps, map("m\(number)")) }
    let all: KubeList = try await client.list(.configMaps, namespace: "default")
    #expect(Set(all.items.map(\.name)).count == 502 && all.items.count == 502)
    #expect(all.items.allSatisfy { $0.kind == "ConfigMap" && $0.apiVersion == "v1" })
    server.stop()
  }

  @Test func `when its apiserver dies an informer goes on at the next, and misses nothing`() async throws {
    let store = LocalKeyspace()
    let (first, second): (APIServer, APIServer) = (try await apiserver(store), try await apiserver(store))
    let (one, two): (HTTPServer, HTTPServer) = (try await listener(first), try await listener(second))
    let client = KubeClient(
      transport: HTTPClient(
        .init(targets: [.host("127.0.0.1", port: one.port ?? 0), .host("127.0.0.1", port: two.port ?? 0)], version: .http2)),
      fieldManager: "test")
    let direct = KubeClient(transport: InProcessTransport(responder: second, peer: AsAdministrator.peer), fieldManager: "direct")
    let informer = Informer(client: client, resource: .configMaps, namespace: "default")
    let journal = Journal()
    informer.addHandler(journal.handlers())
    let running = Task { await informer.run() }
    try await informer.waitUntilSynced()
    for number in 0..<20 { _ = try await direct.create(.configMaps, map("before\(number)")) }
    try await eventually("the first twenty") { journal.all.count == 20 }
    let clock = SystemClock()
    let died: MonotonicTime = clock.now()
    first.stop()
    await one.shutdown()
    for number in 0..<20 { _ = try await direct.create(.configMaps, map("after\(number)")) }
    try await eventually("the other twenty") { journal.all.count == 40 }
    print("an informer was whole again \((clock.now() - died).inMilliseconds) ms after its apiserver died")
    #expect(journal.all.allSatisfy { $0.hasPrefix("+") } && Set(journal.all).count == 40)
    running.cancel()
    await running.value
    await two.shutdown()
    second.stop()
  }
}
