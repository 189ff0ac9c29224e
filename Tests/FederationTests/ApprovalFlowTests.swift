import KubeClient
import KubeModel
import Primitives
import Testing

@testable import Federation

/// Who may ask for, approve and record what, by the API server that knows who they are.
@Suite struct ApprovalFlowTests {
  private static func failover(_ name: String, kind: String = "switchover", _ change: (inout JSONValue) -> Void = { _ in }) -> KubeObject {
    var spec: JSONValue = ["cluster": "bank", "to": "local-dr", "kind": .string(kind)]
    change(&spec)
    return KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)], "spec": spec,
    ])
  }

  private static func refusal(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch let error as KubeError {
      return error.code == .forbidden ? error.message : "\(error.code)"
    } catch {
      return "\(error)"
    }
  }

  @Test func nobodyWritesAnotherOnesName() async throws {
    let server: TestServer = try await .start()
    let (api, person) = (server.api, server.client)
    defer { api.stop() }
    let mei: KubeClient = person("mei", ["tricenter:operators"])
    let li: KubeClient = person("li", ["tricenter:approvers"])
    let asked: KubeObject = try await mei.create(.failovers, Self.failover("a") { $0["requestedBy"] = "anna" })
    #expect(asked.spec["requestedBy"] == "mei")
    #expect(asked.status["phase"] == "Pending")

    func approve(_ client: KubeClient, as user: String) async throws {
      var object: KubeObject = try await client.get(.failovers, name: "a")
      object.json["spec"]["approvals"] = .array(object.spec["approvals"].array + [["user": .string(user), "comment": "go"]])
      _ = try await client.update(.failovers, object)
    }
    #expect(await Self.refusal { try await approve(mei, as: "mei") }?.contains("somebody else has to approve it") == true)
    #expect(await Self.refusal { try await approve(li, as: "wang") }?.contains("you are li and cannot approve as wang") == true)
    try await approve(li, as: "")
    let approved: KubeObject = try await mei.get(.failovers, name: "a")
    #expect(approved.spec["approvals"].array.map { $0["user"] } == ["li"])
    #expect(approved.spec["approvals"][0]["time"].string != nil)
    // Nobody takes another one's word away.
    #expect(
      await Self.refusal {
        var object: KubeObject = approved
        object.json["spec"]["approvals"] = []
        _ = try await mei.update(.failovers, object)
      }?.contains("only li withdraws") == true)
    // What is decided is decided.
    let federation: KubeClient = person("tricenter:federation", ["system:masters"])
    _ = try await federation.patch(
      .failovers, name: "a", type: .merge, ["status": ["phase": "Refused"]], subresource: "status")
    #expect(await Self.refusal { try await approve(person("wang", ["tricenter:approvers"]), as: "wang") }?.contains("too late") == true)
  }

  @Test func whoMayDoWhat() async throws {
    let server: TestServer = try await .start()
    let (api, person) = (server.api, server.client)
    defer { api.stop() }
    let viewer: KubeClient = person("v", ["tricenter:viewers"])
    #expect(try await viewer.list(.failovers).items.isEmpty)
    for client in [viewer, person("l", ["tricenter:approvers"]), person("n", [])] {
      #expect(await Self.refusal { _ = try await client.create(.failovers, Self.failover("b")) } != nil)
    }
    let master: KubeClient = person("root", ["system:masters"])
    #expect(
      await Self.refusal {
        _ = try await master.create(.failovers, Self.failover("c", kind: "unplanned") { $0["requestedBy"] = "federation/local-dr" })
      }?.contains("records what it did by itself") == true)
    #expect(
      await Self.refusal {
        _ = try await master.create(.failovers, Self.failover("d") { $0["approvals"] = [["user": "li"]] })
      }?.contains("does not approve it") == true)
    let gate = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Gate", "metadata": ["name": "freeze"],
      "spec": ["cluster": "bank", "closed": true, "changedBy": "somebody else"],
    ])
    #expect(try await person("mei", ["tricenter:operators"]).create(.gates, gate).spec["changedBy"] == "mei")
  }

  /// What `--dry-run` shows: the API server's own no beside what the rules find.
  @Test func aRefusalByRightShowsInADryRun() async throws {
    let server: TestServer = try await .start()
    let (api, person) = (server.api, server.client)
    defer { api.stop() }
    let operators: KubeClient = person("mei", ["tricenter:operators"])
    _ = try await operators.create(.failovers, Self.failover("a"), dryRun: true)
    #expect(try await operators.list(.failovers).items.isEmpty)
    var refusal: KubeError?
    do { _ = try await person("v", ["tricenter:viewers"]).create(.failovers, Self.failover("a"), dryRun: true) } catch {
      refusal = error as? KubeError
    }
    let refused: KubeError = try #require(refusal)
    let other = Finding(
      rule: "capacity", center: "local-dr", object: "Node/ldr-1", measured: "too small", limit: "more", cure: "more nodes")
    var answered: KubeObject = Self.failover("a")
    answered.json["status"] = ["phase": "Completed", "blocking": [other.json]]
    RequestRefusal.add(refused, to: &answered)
    #expect(answered.status["phase"] == "Refused" && answered.status["message"].string?.hasPrefix("2 conditions") == true)
    let told: [Finding] = answered.status["blocking"].array.map { Finding($0) }
    #expect(told.map(\.rule) == ["rights", "capacity"] && told[0].measured.contains("cannot create"), "\(told)")
    // Where the dry run is refused as well, what was found of the target last is told, with its source.
    let center = KubeObject([
      "status": ["readiness": ["findings": [other.json], "source": "p1 of production", "evaluatedAt": "2026-11-30T10:00:00.000000Z"]]
    ])
    let alone: KubeObject = RequestRefusal.unanswered(Self.failover("a"), refused, target: center)
    #expect(alone.status["blocking"].array.count == 2 && alone.status["message"].string?.contains("p1 of production") == true)
    #expect(RequestRefusal.unanswered(Self.failover("a"), refused, target: nil).status["blocking"].array.count == 1)
    // What admission would refuse.
    await #expect(throws: KubeError.self) {
      try await operators.create(.failovers, Self.failover("b") { $0["from"] = "local-dr" }, dryRun: true)
    }
  }

  /// The audit trail: written by the federation, read by everybody who may look, changed and deleted by nobody.
  @Test func theAuditTrailIsNobodysToChange() async throws {
    let server: TestServer = try await .start()
    let (api, person) = (server.api, server.client)
    defer { api.stop() }
    let federation: KubeClient = person("tricenter:federation", ["system:masters"])
    let master: KubeClient = person("root", ["system:masters"])
    let decision: KubeObject = Decision(cluster: "bank", decision: "Refused", verb: "switchover", failover: "a", reason: "no").object(
      center: "production", host: "p1", now: WallTime(secondsSince1970: 0))
    let stored: KubeObject = try await federation.create(.decisions, decision)
    #expect(stored.name.hasPrefix("bank-"))
    #expect(await Self.refusal { _ = try await master.create(.decisions, decision) } != nil)
    #expect(await Self.refusal { try await master.delete(.decisions, name: stored.name) } != nil)
    #expect(await Self.refusal { try await master.deleteCollection(.decisions, namespace: "", labelSelector: "") } != nil)
    var changed: KubeObject = stored
    changed.json["spec"]["reason"] = "yes"
    #expect(await Self.refusal { _ = try await federation.update(.decisions, changed) } == "invalid")
    #expect(try await person("v", ["tricenter:viewers"]).get(.decisions, name: stored.name).spec["reason"] == "no")
    try await federation.delete(.decisions, name: stored.name)
  }

  @Test func theOldestDecisionsGo() {
    let all: [KubeObject] = (0..<7).map { number in
      KubeObject([
        "metadata": ["name": .string("d\(number)")],
        "spec": ["time": .string(WallTime(secondsSince1970: Int64((number * 3) % 7)).rfc3339Micro)],
      ])
    }
    #expect(Decision.surplus(all, kept: 7).isEmpty)
    #expect(Decision.surplus(all, kept: 4).map(\.name) == ["d0", "d5", "d3"])
  }
}
