import KubeModel
import Primitives
import Testing

@testable import Federation

/// What becomes of a Failover that people ask for.
@Suite struct FailoverTests {
  private static let order: [CenterName] = ["production", "local-dr", "remote-dr"]
  private static func record(_ center: CenterName, epoch: Int64, previous: CenterName? = nil) -> ActivationRecord {
    ActivationRecord(cluster: "bank", center: center, epoch: epoch, lease: .seconds(3), resourceVersion: "9", previous: previous)
  }
  private static func failover(_ to: JSONValue, _ change: (inout JSONValue) -> Void = { _ in }) -> KubeObject {
    var json: JSONValue = [
      "metadata": ["name": "f"], "spec": ["kind": "planned", "cluster": "bank", "to": to], "status": ["phase": "Pending"],
    ]
    change(&json)
    return KubeObject(json)
  }
  private static func verdict(_ failover: KubeObject, _ record: ActivationRecord) -> FailoverVerdict? {
    FailoverVerdict(failover, record, Judging(order: order))
  }
  /// As the daemon that judges it writes it.
  private static func judged(_ failover: KubeObject, _ record: ActivationRecord) -> KubeObject {
    var judged: KubeObject = failover
    if let verdict = verdict(failover, record) {
      FailoverStatus.write(verdict, into: &judged, epoch: record.epoch, center: record.center, now: WallTime(secondsSince1970: 0))
    }
    return judged
  }
  private static func waits(_ failover: KubeObject, _ record: ActivationRecord) -> Bool {
    FailoverVerdict.isWaiting(failover, record, order: order)
  }

  @Test func oneThatFitsIsAcceptedOnceAndWaitsUnderThatEpochOnly() {
    let home: ActivationRecord = Self.record("production", epoch: 4)
    #expect(!Self.waits(Self.failover("local-dr"), home), "nobody has accepted it")
    let accepted: KubeObject = Self.judged(Self.failover("local-dr"), home)
    #expect(accepted.status["phase"] == "Pending" && accepted.status["acceptedEpoch"] == 4 && accepted.status["blocking"].isNull)
    #expect(Self.waits(accepted, home) && Self.verdict(accepted, home) == nil)
    for change: String in ["from", "epoch"] {
      let named: KubeObject = Self.failover("local-dr") { $0["spec"][change] = change == "from" ? "production" : 4 }
      #expect(Self.verdict(named, home) == .accepted([]))
    }
    // Whoever lags behind says nothing.
    #expect(Self.verdict(accepted, Self.record("remote-dr", epoch: 3)) == nil)
    #expect(!Self.waits(accepted, Self.record("remote-dr", epoch: 3)))
  }

  /// The cluster must not go home by itself after a later failover.
  @Test func oneToTheActiveCenterIsRefusedAndNeverMovesTheClusterLater() {
    let refused: KubeObject = Self.judged(Self.failover("production"), Self.record("production", epoch: 1))
    #expect(refused.status["phase"] == "Refused" && refused.status["finishedAt"].string != nil)
    #expect(refused.status["message"] == "Nothing is to be moved: production is active, epoch 1.")
    let after: ActivationRecord = Self.record("local-dr", epoch: 2, previous: "production")
    #expect(!Self.waits(refused, after) && Self.verdict(refused, after) == nil)
  }

  @Test func oneThatWasNotCarriedOutIsVoidWithItsEpoch() {
    let accepted: KubeObject = Self.judged(Self.failover("production"), Self.record("local-dr", epoch: 2))
    // remote-dr, local-dr: whoever is active then, it does not move.
    let later: ActivationRecord = Self.record("remote-dr", epoch: 3, previous: "local-dr")
    #expect(!Self.waits(accepted, later))
    #expect(
      Self.judged(accepted, later).status["message"]
        == "It was accepted under epoch 2 and not carried out; remote-dr is active, epoch 3 by now. Ask again if it is still wanted.")
    let withdrawn: ActivationRecord = Self.record("local-dr", epoch: 3, previous: "local-dr")
    #expect(Self.judged(accepted, withdrawn).status["phase"] == "Failed")
    #expect(Self.judged(accepted, withdrawn).status["message"] == "Its target did not take over; local-dr is active, epoch 3.")
  }

  /// Between the takeover and its record in the object nobody may call it void.
  @Test func oneThatIsBeingCarriedOutIsLeftAlone() {
    let accepted: KubeObject = Self.judged(Self.failover("local-dr"), Self.record("production", epoch: 1))
    var record: ActivationRecord = Self.record("production", epoch: 1)
    record.handover = .init(to: "local-dr", failover: "f")
    #expect(Self.verdict(accepted, record) == nil)
    record = Self.record("local-dr", epoch: 2, previous: "production")
    record.failover = "f"
    #expect(Self.verdict(accepted, record) == nil && !Self.waits(accepted, record))
    var active: KubeObject = accepted
    FederationObjects.activate(&active, record, from: "production", now: WallTime(secondsSince1970: 0))
    #expect(active.status["phase"] == "Activating" && active.status["epoch"] == 2 && active.status["acceptedEpoch"] == 1)
    #expect(FederationObjects.failoverName(record) == "f")
  }

  @Test func oneThatDoesNotFitIsRefusedWithTheReason() {
    let record: ActivationRecord = Self.record("production", epoch: 4)
    func reason(_ to: JSONValue, _ change: (inout JSONValue) -> Void = { _ in }) -> String? {
      Self.judged(Self.failover(to, change), record).status["message"].string
    }
    #expect(reason("moon") == "moon is no center of bank: spec.to must be one of local-dr, remote-dr.")
    #expect(reason(.null) == "Nothing is no center of bank: spec.to must be one of local-dr, remote-dr.")
    #expect(
      reason("local-dr") { $0["spec"]["from"] = "remote-dr" }
        == "It is to move bank away from remote-dr, and production is active, epoch 4.")
    #expect(reason("local-dr") { $0["spec"]["epoch"] = 7 } == "It was decided under epoch 7, and production is active, epoch 4.")
    // Not a request, or not of this cluster, or over.
    #expect(reason("local-dr") { $0["spec"]["kind"] = "unplanned" } == nil)
    #expect(reason("local-dr") { $0["spec"]["cluster"] = "other" } == nil)
    #expect(reason("production") { $0["status"]["phase"] = "Completed" } == nil)
  }
}
