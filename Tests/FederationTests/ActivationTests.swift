import KubeModel
import Primitives
import Testing

@testable import Federation

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

@Suite struct ActivationRecordTests {
  @Test func aRecordSurvivesItsObject() throws {
    var record = ActivationRecord(cluster: "bank", center: "local-dr", epoch: 7, lease: .milliseconds(3_000), previous: "production")
    var object: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
    object.json["metadata"]["resourceVersion"] = "12"
    record.resourceVersion = "12"
    #expect(try ActivationRecord(object) == record)
    #expect(object.spec["leaseDurationSeconds"].int == 3)
  }

  @Test func whatIsNoRecordIsRefused() {
    let record = ActivationRecord(cluster: "bank", center: "a", epoch: 1, lease: .seconds(3), resourceVersion: "1")
    for (path, value) in [("holderIdentity", JSONValue.null), ("holderIdentity", ""), ("leaseTransitions", 0), ("leaseTransitions", .null)]
    {
      var object: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
      object.json["spec"][path] = value
      #expect(throws: FederationError.self) { try ActivationRecord(object) }
    }
  }
}

@Suite struct ActivationViewTests {
  static func record(_ version: String, epoch: Int64 = 1, center: CenterName = "production") -> ActivationRecord {
    ActivationRecord(cluster: "bank", center: center, epoch: epoch, lease: .seconds(3), resourceVersion: version)
  }

  @Test func theFirstVersionSeenProvesNothing() {
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(Self.record("1"), began: at(0), finished: at(2))
    #expect(!view.isActive("production", at: at(3)))
    view.onRead(Self.record("1"), began: at(200), finished: at(202))
    #expect(!view.isActive("production", at: at(203)))
  }

  @Test func validityCountsFromTheReadThatStillSawTheOlderVersion() {
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(Self.record("1"), began: at(0), finished: at(2))
    view.onRead(Self.record("1"), began: at(200), finished: at(202))
    view.onRead(Self.record("2"), began: at(400), finished: at(402))
    #expect(view.validUntil == at(200 + 3_000 - 500))
    #expect(view.isActive("production", at: at(2_699)))
    #expect(!view.isActive("production", at: at(2_700)))
    #expect(!view.isActive("local-dr", at: at(500)))
  }

  @Test func anotherCentersActivationEndsOnesOwnAtOnce() {
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(Self.record("1"), began: at(0), finished: at(2))
    view.onRead(Self.record("2"), began: at(200), finished: at(202))
    view.onRead(Self.record("3", epoch: 2, center: "local-dr"), began: at(400), finished: at(402))
    #expect(!view.isActive("production", at: at(403)))
    #expect(view.isActive("local-dr", at: at(403)))
  }

  @Test func anAnswerThatWasOvertakenChangesNothing() {
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(Self.record("5", epoch: 2, center: "local-dr"), began: at(100), finished: at(102))
    view.onRead(Self.record("1", epoch: 1), began: at(50), finished: at(110))
    #expect(view.record?.epoch == 2)
  }
}

@Suite struct ActivationInstanceTests {
  static func instance(_ center: CenterName, host: Int = 0) -> ActivationInstance {
    ActivationInstance(
      .init(
        cluster: "bank", center: center, order: ["production", "local-dr", "remote-dr"], automaticTo: ["local-dr"], lease: .seconds(3),
        renewEvery: .milliseconds(250), margin: .milliseconds(500), hostIndex: host))
  }

  @Test func theFirstCenterCreatesTheRecordAndTheOthersWait() {
    var production: ActivationInstance = Self.instance("production")
    var local: ActivationInstance = Self.instance("local-dr")
    #expect(production.onTick(at(0), obstacles: []).isEmpty)
    production.onRead(nil, began: at(0), finished: at(1))
    local.onRead(nil, began: at(0), finished: at(1))
    #expect(local.onTick(at(10_000), obstacles: []).isEmpty)
    let expected = ActivationRecord(cluster: "bank", center: "production", epoch: 1, lease: .seconds(3))
    #expect(production.onTick(at(1), obstacles: []) == [.write(expected, .create)])
    // Nothing more until that write is answered.
    #expect(production.onTick(at(500), obstacles: []).isEmpty)
  }

  @Test func theActiveCenterRenewsAndItsSecondHostOnlyWhenTheFirstDoesNot() {
    var first: ActivationInstance = Self.instance("production")
    var second: ActivationInstance = Self.instance("production", host: 1)
    let record: ActivationRecord = ActivationViewTests.record("1")
    first.onRead(record, began: at(0), finished: at(0))
    second.onRead(record, began: at(0), finished: at(0))
    #expect(first.onTick(at(249), obstacles: []).isEmpty)
    #expect(first.onTick(at(250), obstacles: []) == [.write(record, .renew)])
    #expect(second.onTick(at(299), obstacles: []).isEmpty)
    second.onRead(ActivationViewTests.record("2"), began: at(300), finished: at(302))
    #expect(second.onTick(at(500), obstacles: []).isEmpty)
    #expect(second.onTick(at(602), obstacles: []) == [.write(ActivationViewTests.record("2"), .renew)])
  }

  @Test func localDRTakesOverOnlyAfterTheLeaseAndAReadThatCameAfterIt() {
    var local: ActivationInstance = Self.instance("local-dr")
    local.onRead(ActivationViewTests.record("9"), began: at(0), finished: at(10))
    #expect(local.onTick(at(3_009), obstacles: []).isEmpty)
    // The lease is over, but nothing has been read since: the quorum may be gone.
    #expect(local.onTick(at(3_100), obstacles: []).isEmpty)
    local.onRead(ActivationViewTests.record("9"), began: at(3_150), finished: at(3_151))
    let expected = ActivationRecord(
      cluster: "bank", center: "local-dr", epoch: 2, lease: .seconds(3), resourceVersion: "9", previous: "production")
    #expect(local.onTick(at(3_152), obstacles: []) == [.write(expected, .takeOver(from: "production"))])
  }

  @Test func aRenewalAtTheLastMomentStartsTheCountAgain() {
    var local: ActivationInstance = Self.instance("local-dr")
    local.onRead(ActivationViewTests.record("9"), began: at(0), finished: at(10))
    local.onRead(ActivationViewTests.record("10"), began: at(3_005), finished: at(3_006))
    #expect(local.onTick(at(3_500), obstacles: []).isEmpty)
    #expect(local.onTick(at(6_005), obstacles: []).isEmpty)
  }

  @Test func remoteDRAndACenterWithObstaclesOnlySaySo() {
    var remote: ActivationInstance = Self.instance("remote-dr")
    var local: ActivationInstance = Self.instance("local-dr")
    for began: Int64 in [0, 3_500] {
      remote.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
      local.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
    }
    let refusal: [ActivationInstance.Directive] = remote.onTick(at(4_000), obstacles: [])
    #expect(refusal == [.refused("production is silent, and remote-dr takes over only by a person's decision")])
    #expect(remote.onTick(at(4_050), obstacles: []).isEmpty)
    let blocked: [ActivationInstance.Directive] = local.onTick(at(4_000), obstacles: ["no node of local-dr is ready"])
    #expect(blocked == [.refused("production is silent, but: no node of local-dr is ready")])
  }

  @Test func aPlannedMoveLetsTheLeaseRunOutAndOnlyItsTargetTakesOver() {
    var production: ActivationInstance = Self.instance("production")
    var local: ActivationInstance = Self.instance("local-dr")
    var remote: ActivationInstance = Self.instance("remote-dr")
    for began: Int64 in [0, 3_500] {
      production.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
      local.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
      remote.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
    }
    #expect(production.onTick(at(4_000), plannedTo: "remote-dr", obstacles: []) == [.refused("production gives way to remote-dr")])
    #expect(local.onTick(at(4_000), plannedTo: "remote-dr", obstacles: []) == [.refused("production is silent, and gives way to remote-dr")])
    let expected = ActivationRecord(
      cluster: "bank", center: "remote-dr", epoch: 2, lease: .seconds(3), resourceVersion: "9", previous: "production")
    #expect(remote.onTick(at(4_000), plannedTo: "remote-dr", obstacles: []) == [.write(expected, .takeOver(from: "production"))])
  }

  @Test func onlyAFailoverThatFitsTheActivationIsWaitedFor() {
    let record: ActivationRecord = ActivationViewTests.record("9")
    func waits(_ change: (inout JSONValue) -> Void) -> Bool {
      var json: JSONValue = ["metadata": ["name": "f"], "spec": ["kind": "planned", "cluster": "bank", "to": "local-dr"]]
      change(&json)
      return FederationObjects.isWaiting(KubeObject(json), record, order: ["production", "local-dr", "remote-dr"])
    }
    #expect(waits { _ in })
    #expect(waits { $0["spec"]["from"] = "production" })
    #expect(!waits { $0["spec"]["from"] = "remote-dr" })
    #expect(!waits { $0["spec"]["epoch"] = 7 })
    #expect(!waits { $0["spec"]["to"] = "production" })
    #expect(!waits { $0["spec"]["to"] = "moon" })
    #expect(!waits { $0["spec"]["kind"] = "unplanned" })
    #expect(!waits { $0["spec"]["cluster"] = "other" })
    #expect(!waits { $0["status"]["phase"] = "Completed" })
  }

  /// The whole protocol with a store in the middle: whatever pauses, cuts and lost answers a seed brings, two centers never believe
  /// at the same instant that they are active.
  @Test(arguments: 0..<60) func neverTwoActives(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed))
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.everActive, "seed \(seed): nobody was ever active")
  }

  /// A read that hangs while the store elects a leader does not hold up the next: every host knows within the patience (and a step and an
  /// answer's way) what is written after it.
  @Test(arguments: 0..<20) func theFirstReadAfterAnElectionIsPrompt(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: .elections)
    world.run(milliseconds: 30_000)
    #expect(world.elections > 0)
    #expect(world.slowestFirstRead <= 300 * 105 / 100 + 10 + 60, "seed \(seed): \(world.slowestFirstRead) ms")
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
  }

  /// The checker itself: with clocks that differ more than the margin allows for, it must find two actives.
  @Test func clocksBeyondTheMarginAreFoundOut() {
    let found: Bool = (0..<60).contains { seed in
      var world = ActivationWorld(seed: UInt64(seed), rates: 0.5...1.6)
      world.run(milliseconds: 30_000)
      return !world.violations.isEmpty
    }
    #expect(found)
  }
}

@Suite struct FencingTests {
  static func node(_ name: String, center: String, observed: Int64? = nil, taint: Int64? = nil, ready: Bool = true) -> KubeObject {
    var node = KubeObject([
      "kind": "Node", "metadata": ["name": .string(name), "labels": [FederationNames.centerLabel: .string(center)]],
      "status": [
        "conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]],
        "allocatable": ["cpu": "2", "memory": "4Gi", "pods": "110"],
      ],
    ])
    if let observed { node.json["metadata"]["annotations"][FederationNames.observedEpochAnnotation] = .string(String(observed)) }
    return taint.map { Fencing.apply(.fence, to: node, epoch: $0) } ?? node
  }

  @Test func aNodeOfAnotherCenterIsFencedUntilItSaysThatItObeys() {
    func action(_ node: KubeObject, _ epoch: Int64) -> Fencing.NodeAction? {
      Fencing.action(node: node, activeCenter: "local-dr", epoch: epoch)
    }
    #expect(action(Self.node("p", center: "production"), 1) == nil)
    #expect(action(Self.node("p", center: "production"), 2) == .fence)
    #expect(action(Self.node("p", center: "production", observed: 1, taint: 2), 2) == nil)
    #expect(action(Self.node("p", center: "production", observed: 2, taint: 2), 2) == .release)
    #expect(action(Self.node("p", center: "production", observed: 2), 2) == nil)
    #expect(action(Self.node("p", center: "production", observed: 2), 3) == .fence)
    #expect(action(Self.node("p", center: "production", observed: 1, taint: 2), 3) == .fence)
    #expect(action(Self.node("l", center: "local-dr"), 2) == nil)
    #expect(action(Self.node("l", center: "local-dr", taint: 1), 2) == .release)
  }

  @Test func aTaintComesAndGoesWithoutTouchingOthers() {
    var node: KubeObject = Self.node("p", center: "production")
    node.json["spec"]["taints"] = [["key": "dedicated", "effect": "NoSchedule"]]
    let fenced: KubeObject = Fencing.apply(.fence, to: node, epoch: 4)
    #expect(fenced.spec["taints"].array.count == 2)
    #expect(Fencing.fencedTaint(fenced)?["value"].string == "4")
    #expect(Fencing.apply(.release, to: fenced, epoch: 4) == node)
  }

  @Test func capacityNamesWhatIsMissing() {
    let nodes: [KubeObject] = [Self.node("a", center: "local-dr"), Self.node("b", center: "local-dr", ready: false)]
    func pods(_ cpu: String) -> [KubeObject] {
      [KubeObject(["spec": ["containers": [["resources": ["requests": ["cpu": .string(cpu)]]]]]])]
    }
    #expect(Capacity.obstacles(center: "local-dr", nodes: nodes, pods: pods("2")).isEmpty)
    #expect(
      Capacity.obstacles(center: "local-dr", nodes: nodes, pods: pods("2001m")) == [
        "local-dr has 1 ready nodes with 2000m of cpu, and 2001m of cpu are needed"
      ])
    #expect(Capacity.obstacles(center: "remote-dr", nodes: nodes, pods: []) == ["no node of remote-dr is ready"])
  }
}
