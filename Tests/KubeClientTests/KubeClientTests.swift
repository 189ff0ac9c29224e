import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import Primitives
import Testing

@Suite struct KubeClientTests {
  func client(_ script: @escaping @Sendable (Int, HTTPRequest, String) throws -> ScriptedTransport.Answer) -> (
    KubeClient, ScriptedTransport
  ) {
    let transport = ScriptedTransport(script)
    return (KubeClient(transport: transport, fieldManager: "test"), transport)
  }

  @Test func `a list follows every page and keeps the first page's moment`() async throws {
    let (client, transport) = client { number, _, _ in
      number == 0
        ? .init(200, list([pod("a", version: 1)], version: 9, next: "a b/c")) : .init(200, list([pod("b", version: 2)], version: 9))
    }
    let whole: KubeList = try await client.list(.pods, namespace: "shop", labelSelector: "app in (web,api)")
    #expect(whole.items.map(\.name) == ["a", "b"])
    #expect(whole.resourceVersion == "9")
    #expect(
      transport.requests == [
        "GET /api/v1/namespaces/shop/pods?limit=500&labelSelector=app%20in%20%28web%2Capi%29",
        "GET /api/v1/namespaces/shop/pods?limit=500&labelSelector=app%20in%20%28web%2Capi%29&continue=a%20b%2Fc",
      ])
  }

  @Test func `statuses become codes, with the server's sentence and its causes`() async throws {
    let cases: [(Int, String, KubeError.Code)] = [
      (404, "NotFound", .notFound), (409, "AlreadyExists", .alreadyExists), (409, "Conflict", .conflict), (422, "Invalid", .invalid),
      (403, "Forbidden", .forbidden), (410, "Expired", .gone), (410, "", .gone), (503, "ServiceUnavailable", .unavailable),
      (504, "Timeout", .timeout), (500, "ServerTimeout", .unavailable), (500, "", .internalError), (401, "Unauthorized", .unauthorized),
    ]
    for (status, reason, code) in cases {
      let (client, _) = client { _, _, _ in
        .init(
          status,
          #"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods \"x\" said no","reason":"\#(reason)","details":{"causes":[{"field":"spec","message":"bad"}]},"code":\#(status)}"#
        )
      }
      let error: KubeError = try #require(
        await #expect(throws: KubeError.self) { try await client.get(.pods, namespace: "shop", name: "x") })
      #expect(error.code == code, "HTTP \(status) \(reason)")
      #expect(error.message == #"get pods shop/x: pods "x" said no"#)
      #expect(error.status?.causes == ["spec: bad"])
    }
  }

  @Test func `retry-after is followed, and given up when the caller says so`() async throws {
    let (client, transport) = client { number, _, _ in
      number == 0 ? .init(429, fields: ["retry-after": "1"], "slow down") : .init(200, pod("x", version: 1).json.serialized().text)
    }
    #expect(try await client.get(.pods, namespace: "shop", name: "x").name == "x")
    #expect(transport.requests.count == 2)
    var hasty: KubeClient = client
    hasty = KubeClient(transport: ScriptedTransport { _, _, _ in .init(429, fields: ["retry-after": "1"]) }, fieldManager: "t")
    hasty.followsRetryAfter = false
    let error = await #expect(throws: KubeError.self) { try await hasty.get(.nodes, name: "n") }
    #expect(error?.code == .tooManyRequests)
    #expect(error?.status?.retryAfterSeconds == 1)
  }

  @Test func `failures of the way tell whether a write may have happened`() async throws {
    for (way, code) in [
      (HTTPError.Code.connectFailed, KubeError.Code.unavailable), (.connectionLost, .connectionLost), (.timeout, .timeout),
    ] {
      let (client, _) = client { _, _, _ in throw HTTPError(way, "no") }
      let error = await #expect(throws: KubeError.self) { try await client.delete(.pods, namespace: "shop", name: "x") }
      #expect(error?.code == code)
      #expect(error?.isTransient == true)
    }
  }

  @Test func `a silent server ends in a timeout`() async throws {
    var (client, _) = client { _, _, _ in .init(200, hangs: true) }
    client.requestTimeout = .milliseconds(20)
    let error = await #expect(throws: KubeError.self) { try await client.get(.nodes, name: "n") }
    #expect(error?.code == .timeout)
  }

  @Test func `writes carry their options`() async throws {
    let (client, transport) = client { _, _, _ in .init(200, pod("x", version: 1).json.serialized().text) }
    try await client.delete(
      .pods, namespace: "shop", name: "x", options: DeleteOptions(gracePeriodSeconds: 0, propagation: .orphan, uid: "u"))
    _ = try await client.patch(.pods, namespace: "shop", name: "x", type: .apply(force: true), ["a": 1], subresource: "status")
    _ = try await client.update(.deployments, KubeObject(["metadata": ["name": "d", "namespace": "shop"]]), subresource: "scale")
    #expect(
      transport.requests == [
        "DELETE /api/v1/namespaces/shop/pods/x", "PATCH /api/v1/namespaces/shop/pods/x/status?fieldManager=test&force=true",
        "PUT /apis/apps/v1/namespaces/shop/deployments/d/scale?fieldManager=test",
      ])
    #expect(
      transport.bodies[0]
        == #"{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0,"propagationPolicy":"Orphan","preconditions":{"uid":"u"}}"#)
  }

  @Test func `a conflict is tried again, anything else is not`() async throws {
    var tries: Int = 0
    let result: Int = try await retryOnConflict {
      tries += 1
      if tries < 3 { throw KubeError(.conflict, "changed") }
      return tries
    }
    #expect(result == 3)
    await #expect(throws: KubeError(.invalid, "")) { try await retryOnConflict { throw KubeError(.invalid, "no") } }
  }
}
