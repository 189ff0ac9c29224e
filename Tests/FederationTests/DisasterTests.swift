import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Federation

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

/// What stands against going on without the lost centers: all of it is told.
@Suite struct DisasterConditionTests {
  private func conditions() -> DisasterConditions {
    var conditions = DisasterConditions(cluster: "bank", center: "remote-dr")
    var facts = ReadinessFacts(
      cluster: "bank", order: ["production", "local-dr", "remote-dr"],
      hosts: ["production": ["prod-1"], "local-dr": ["ldr-1"], "remote-dr": ["rdr-1"]], active: "production",
      now: WallTime(secondsSince1970: 0))
    facts.nodes = [
      KubeObject([
        "metadata": ["name": "rdr-1", "labels": ["federation.tricenter.io/center": "remote-dr"]],
        "status": [
          "allocatable": ["cpu": "2", "memory": "4Gi", "pods": "110"], "conditions": [["type": "Ready", "status": "True"]],
        ],
      ])
    ]
    conditions.facts = facts
    return conditions
  }

  @Test func `nothing stands against it when everybody else is silent`() {
    #expect(conditions().findings.blocking.isEmpty)
  }

  @Test func `every host that answers is named, and what its member says of itself is not told twice`() {
    var found: DisasterConditions = conditions()
    found.signs = [
      LifeSign(center: "production", host: "prod-1", daemon: "role", said: "production is active", isActive: true),
      LifeSign(center: "local-dr", host: "ldr-1", daemon: "store", said: "epoch 0"),
    ]
    found.objections = ["prod-1 follows the leader prod-1: a majority is there.", "3 of 5 voters answer, which is a majority."]
    let blocking: [Finding] = found.findings.blocking
    #expect(blocking.map(\.object) == ["Host/ldr-1", "Host/prod-1", "Store/bank"])
    #expect(blocking[1].cure.contains("nothing is lost") && !blocking[0].cure.contains("nothing is lost"))
    #expect(blocking.allSatisfy { !$0.measured.isEmpty && !$0.limit.isEmpty && !$0.cure.isEmpty })
  }

  @Test func `gates and capacity are told beside the hosts, what only the lost majority knew is not`() {
    var found: DisasterConditions = conditions()
    found.facts?.nodes = []
    found.facts?.gates = [
      KubeObject(["metadata": ["name": "freeze"], "spec": ["cluster": "bank", "closed": true, "reason": "audit"]])
    ]
    found.objections = ["No member answered."]
    #expect(Set(found.findings.blocking.map(\.rule)) == ["store", "capacity", "serving", "gate"])
    #expect(!found.findings.contains { ["quorum", "report", "lag"].contains($0.rule) })
  }

  @Test func `without an apiserver that is told, and holds nothing back`() {
    var found: DisasterConditions = conditions()
    found.facts = nil
    #expect(found.findings.map(\.rule) == ["unread"] && found.findings.blocking.isEmpty)
  }

  @Test func `a store that was recovered before is not recovered again`() {
    var found: DisasterConditions = conditions()
    found.isRecovered = true
    found.objections = ["rdr-1 follows the leader rdr-1: a majority is there."]
    #expect(found.findings.blocking.isEmpty)
    #expect(found.steps(activeCenter: "production").first?.contains("was recovered before") == true)
    #expect(found.steps(activeCenter: "remote-dr").contains { $0.contains("already") })
  }

  @Test func `what a recovery leaves in the API has the same names each time`() {
    let record = ActivationRecord(cluster: "bank", center: "production", epoch: 4, lease: .seconds(2), resourceVersion: "9")
    let decision: KubeObject = DisasterObjects.decision(
      cluster: "bank", center: "remote-dr", storeEpoch: 2, by: "anna", record: record, findings: [], host: "rdr-1",
      now: WallTime(secondsSince1970: 0))
    #expect(decision.name == "bank-recovered-2" && decision.spec["decision"].string == "Recovered")
    #expect(decision.spec["requestedBy"].string == "anna" && decision.spec["inputs"]["epoch"].int == 4)
    let failover: KubeObject = DisasterObjects.failover(
      cluster: "bank", to: "remote-dr", storeEpoch: 2, number: 1, epoch: 4, by: "anna", drill: "city")
    #expect(failover.name == "bank-disaster-2-1" && failover.spec["epoch"].int == 4 && failover.spec["drill"].string == "city")
    #expect(FailoverRequest(failover)?.verb == .failover)
  }
}

/// Why nobody is active twice when the store goes on without its majority: renewals may have been made until then that the survivors never
/// saw, so the lease is counted from the recovery.
@Suite struct RecoveredActivationTests {
  private static let lease: Duration = .seconds(2)
  private static let margin: Duration = .milliseconds(400)

  private func instance(_ center: CenterName, renewEvery: Duration = .milliseconds(200)) -> ActivationInstance {
    ActivationInstance(
      .init(
        cluster: "bank", center: center, order: ["production", "local-dr", "remote-dr"], automaticTo: ["local-dr"], lease: Self.lease,
        renewEvery: renewEvery, margin: Self.margin, hostIndex: 0))
  }
  private func record(_ version: Int) -> ActivationRecord {
    ActivationRecord(cluster: "bank", center: "production", epoch: 1, lease: Self.lease, resourceVersion: String(version))
  }

  /// When remote-dr writes its takeover, on its own clock. It saw a renewal at 1,000 and was cut off; the recovery is at 60,000.
  private func takeover(counts: Bool) -> Int64? {
    var remote: ActivationInstance = instance("remote-dr")
    remote.onRead(record(5), began: at(990), finished: at(1_000))
    var asked = ActivationInstance.Surroundings()
    asked.plannedTo = "remote-dr"
    asked.plannedBy = "bank-disaster-1-1"
    for now in stride(from: Int64(60_000), to: 70_000, by: 10) {
      if now == 60_000, counts { remote.onRecovered(at: at(now)) }
      remote.onRead(record(5), began: at(now), finished: at(now + 5))
      for directive in remote.onTick(at(now + 5), asked, obstacles: []) {
        guard case .write(let written, .takeOver) = directive else { continue }
        #expect(written.epoch == 2 && written.center == "remote-dr" && written.failover == "bank-disaster-1-1")
        return now + 5
      }
    }
    return nil
  }

  @Test func `a survivor counts a lease and its margin from the recovery, not from the renewal that it saw last`() throws {
    let wait: Int64 = try #require(takeover(counts: true)) - 60_000
    #expect(wait >= 2_400 && wait < 2_500)
    // Without that it would take over at once.
    #expect(try #require(takeover(counts: false)) == 60_005)
  }

  /// production renewed up to the recovery behind the survivors' back; its processes act until their own deadline, on clocks that run
  /// slow, while remote-dr's runs fast.
  @Test(arguments: [0.95, 1.0, 1.05]) func `no renewal that the survivors never saw is still acted on when they take over`(rate: Double)
    throws
  {
    var view = ActivationView(margin: Self.margin)
    // The last renewal is committed at the very moment of the recovery; the read that still saw the older version began 1 ms before.
    let slow: Double = 2 - rate
    func local(_ milliseconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(milliseconds * slow * 1e6)) }
    view.onRead(record(70), began: local(59_999), finished: local(59_999))
    view.onWatched(record(71), at: local(60_000))
    let end: MonotonicTime = try #require(view.validUntil)
    let lastAct: Double = Double(end.nanoseconds) / 1e6 / slow
    let wait: Double = Double(try #require(takeover(counts: true)) - 60_000) / rate
    #expect(60_000 + wait > lastAct, "production acts until \(lastAct) ms, remote-dr takes over at \(60_000 + wait) ms")
    // The planted bug: two actives.
    let hasty: Double = Double(try #require(takeover(counts: false)) - 60_000) / rate
    #expect(60_000 + hasty < lastAct)
  }

  @Test func `an absence that was read before the recovery is counted anew`() {
    var production: ActivationInstance = instance("production")
    production.onRead(nil, began: at(0), finished: at(1))
    production.onRecovered(at: at(500))
    #expect(production.onTick(at(499), obstacles: []).isEmpty)
    #expect(!production.onTick(at(501), obstacles: []).isEmpty)
  }
}

/// After a loss nobody waits for what the lost centers had begun.
@Suite struct FailoverAfterLossTests {
  private let record = ActivationRecord(cluster: "bank", center: "local-dr", epoch: 2, lease: .seconds(2), resourceVersion: "9")

  private func request(_ name: String, to: String, kind: String, _ status: JSONValue = [:]) -> KubeObject {
    KubeObject([
      "metadata": ["name": .string(name), "creationTimestamp": "2026-01-01T00:00:00Z"],
      "spec": ["cluster": "bank", "to": .string(to), "kind": .string(kind)], "status": status,
    ])
  }

  private func verdict(_ others: [KubeObject], _ record: ActivationRecord, silentFor: Duration, kind: String = "failover")
    -> FailoverVerdict?
  {
    var judging = Judging(order: ["production", "local-dr", "remote-dr"])
    judging.silentFor = silentFor
    judging.openFor = .seconds(1)
    judging.now = WallTime(secondsSince1970: 30)
    judging.others = others.compactMap { FailoverRequest($0) }
    return FailoverVerdict(request("z-disaster", to: "remote-dr", kind: kind), record, judging)
  }

  @Test func `a move that is being carried out to a center that is silent by now holds no failover back`() {
    let begun: KubeObject = request(
      "first", to: "local-dr", kind: "failover",
      ["phase": "Activating", "startedAt": .string(WallTime(secondsSince1970: 20).rfc3339Micro)])
    #expect(verdict([begun], record, silentFor: .seconds(3)) == .accepted([]))
    guard case .queued? = verdict([begun], record, silentFor: .milliseconds(100), kind: "planned") else {
      Issue.record("while local-dr renews, the next move waits")
      return
    }
  }

  @Test func `neither does a calm move that waits, nor a handover between two lost centers`() {
    let waiting: KubeObject = request("calm", to: "production", kind: "switchover", ["phase": "Pending", "acceptedEpoch": 2])
    #expect(verdict([waiting], record, silentFor: .seconds(3)) == .accepted([]))
    var yielding: ActivationRecord = record
    yielding.handover = .init(to: "production", failover: "calm")
    #expect(verdict([], yielding, silentFor: .seconds(7)) == .accepted([]))
    // Two leases are left to the target, and to the center that gave way.
    guard case .queued? = verdict([], yielding, silentFor: .seconds(3)) else {
      Issue.record("a handover under way has three leases")
      return
    }
  }
}
