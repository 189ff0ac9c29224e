import APIServer
import Federation
import Glibc
import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import Keyspace
import NIOCore
import Primitives
import Synchronization
import TLS
import TestSupport
import Testing

@testable import Console

@Suite struct ConsoleTests {
  let server: APIServer
  let client: KubeClient

  init() async throws {
    server = APIServer(configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1), store: LocalKeyspace())
    try await server.start()
    client = KubeClient(
      transport: InProcessTransport(
        responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])), fieldManager: "test")
  }

  private func get(_ path: String, _ responder: any Responder, method: HTTPRequest.Method = .get) async throws -> (HTTPResponse, String) {
    let transport = InProcessTransport(responder: responder, peer: nil)
    let answer: ClientResponse = try await transport.execute(
      HTTPRequest(method: method, scheme: "https", authority: "center", path: path), body: nil)
    return (answer.head, String(buffer: try await answer.body.collect(upTo: 1 << 20)))
  }

  private func fillCluster() async throws {
    _ = try await client.create(
      .centers,
      KubeObject([
        "apiVersion": "federation.tricenter.io/v1", "kind": "Center", "metadata": ["name": "production"],
        "spec": [
          "role": "production", "city": "east", "hosts": [["name": "prod-1", "address": "10.71.0.11", "voter": true]],
        ],
      ]))
    _ = try await client.create(
      .clusters,
      KubeObject([
        "apiVersion": "federation.tricenter.io/v1", "kind": "Cluster", "metadata": ["name": "bank"],
        "spec": ["zone": "tricenter.test", "centers": ["production", "local-dr"]],
      ]))
    let record = ActivationRecord(cluster: "bank", center: "production", epoch: 7, lease: .seconds(3))
    _ = try await client.create(.leases, record.object(now: SystemClock().wall()))
    _ = try await client.create(
      .nodes,
      KubeObject([
        "apiVersion": "v1", "kind": "Node", "metadata": ["name": "prod-1"],
        "spec": ["taints": [["key": .string(FederationNames.fencedTaint), "value": "6", "effect": "NoExecute"]]],
        "status": ["conditions": [["type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok"]]],
      ]))
  }

  @Test func theWholeStateOfARealApiserver() async throws {
    try await fillCluster()
    let console = ConsoleResponder(client: client)
    let (head, text) = try await get("/console/state.json", console)
    #expect(head.status == .ok)
    let state: JSONValue = try JSONValue.parse(text)
    #expect(state["clusters"][0]["active"].string == "production")
    #expect(state["clusters"][0]["epoch"].int == 7)
    #expect(try #require(state["clusters"][0]["renewedAge"].int) < 60_000)
    let host: JSONValue = state["centers"][0]["hosts"][0]
    #expect(host["name"].string == "prod-1")
    #expect(host["node"]["ready"].string == "True")
    #expect(host["node"]["fencedEpoch"].string == "6")
    for source in state["sources"].array {
      #expect(source["error"].isNull, "\(source)")
      #expect(source["age"].int != nil, "\(source)")
    }
    server.stop()
  }

  @Test func thePageStandsAlone() async throws {
    let (head, text) = try await get("/console/", ConsoleResponder(client: client))
    #expect(head.headerFields[.contentType] == "text/html; charset=utf-8")
    #expect(head.headerFields[.contentSecurityPolicy]?.contains("default-src 'none'") == true)
    for foreign in ["http://", "https://", "src=", "<link", "@import", "innerHTML"] { #expect(!text.contains(foreign), "\(foreign)") }
    #expect(text.hasPrefix("<!doctype html>"))
  }

  @Test func otherPathsAndMethodsAreRefusedByName() async throws {
    let console = ConsoleResponder(client: client)
    #expect(try await get("/console", console).0.headerFields[.location] == "/console/")
    #expect(try await get("/console/nothing", console).1 == "The console has no page /console/nothing.\n")
    #expect(try await get("/elsewhere", console).0.status == .notFound)
    #expect(try await get("/console/state.json", console, method: .post).0.status == .methodNotAllowed)
    #expect(try await get("/other", ConsoleResponder(client: client, next: console)).0.status == .notFound)
  }

  @Test func aSilentApiserverLeavesWhatWasSeenWithItsAge() async throws {
    try await fillCluster()
    let transport = Switch(
      InProcessTransport(
        responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])))
    let clock = HandClock()
    let console = ConsoleResponder(client: KubeClient(transport: transport, fieldManager: "console"), clock: clock)
    _ = try await get("/console/state.json", console)
    transport.isOn.store(false, ordering: .relaxed)
    clock.advance(.seconds(9))
    let state: JSONValue = try JSONValue.parse(try await get("/console/state.json", console).1)
    #expect(state["clusters"][0]["active"].string == "production")
    for source in state["sources"].array {
      #expect(source["age"].int == 9_000)
      #expect(source["error"].string?.contains("no apiserver could be reached") == true, "\(source)")
    }
    server.stop()
  }

  @Test func manyWatchersCostOneLook() async throws {
    let transport = Switch(
      InProcessTransport(
        responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])))
    let console = ConsoleResponder(client: KubeClient(transport: transport, fieldManager: "console"), clock: HandClock())
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { _ = try? await self.get("/console/state.json", console) } }
    }
    #expect(transport.calls.load(ordering: .relaxed) == ConsoleSources.kinds.count)
  }
}

/// A transport that can be made to fail, and counts.
final class Switch: HTTPTransport {
  let isOn = Atomic<Bool>(true)
  let calls = Atomic<Int>(0)
  private let inner: InProcessTransport
  init(_ inner: InProcessTransport) { self.inner = inner }

  func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
    calls.add(1, ordering: .relaxed)
    guard isOn.load(ordering: .relaxed) else { throw HTTPError(.connectFailed, "no answer from the apiserver") }
    return try await inner.execute(request, body: body)
  }
}

final class HandClock: TimeSource {
  private let nanoseconds = Atomic<Int64>(1_000_000_000)
  func advance(_ duration: Duration) { nanoseconds.add(duration.inNanoseconds, ordering: .relaxed) }
  func now() -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds.load(ordering: .relaxed)) }
  func wall() -> WallTime { WallTime(secondsSince1970: 1_795_000_000 + nanoseconds.load(ordering: .relaxed) / 1_000_000_000) }
}
