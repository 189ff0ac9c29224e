import KubeModel
import Primitives
import Synchronization
import Testing

@testable import Federation
@testable import KubeClient

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

@Suite struct ActivationRecordTests {
  @Test func aRecordSurvivesItsObject() throws {
    var record = ActivationRecord(cluster: "bank", center: "local-dr", epoch: 7, lease: .milliseconds(3_000), previous: "production")
    var object: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
    object.json["metadata"]["resourceVersion"] = "12"
    record.resourceVersion = "12"
    #expect(try ActivationRecord(object) == record)
    record.renewal = .init(of: 11, after: .milliseconds(203))
    var renewal: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
    renewal.json["metadata"]["resourceVersion"] = "12"
    #expect(try ActivationRecord(renewal) == record)
    for released in [false, true] {
      record.failover = "home"
      record.handover = .init(to: "remote-dr", released: released, failover: "away")
      var yielding: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
      yielding.json["metadata"]["resourceVersion"] = "12"
      #expect(try ActivationRecord(yielding) == record)
    }
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

  /// A watch tells of a newer version sooner than a read: the deadline still counts from the last read that saw an older one.
  @Test func aWatchedRenewalCountsFromTheLastReadThatSawAnOlderVersion() {
    var view = ActivationView(margin: .milliseconds(500))
    view.onWatched(Self.record("1"), at: at(0))
    view.onWatched(Self.record("2"), at: at(250))
    // Nothing has been read: who knows when these were written.
    #expect(view.validUntil == nil && view.lastReadBegan == nil)
    view.onRead(Self.record("2"), began: at(300), finished: at(302))
    view.onWatched(Self.record("3"), at: at(500))
    #expect(view.validUntil == at(300 + 3_000 - 500))
    #expect(view.versionSeenAt == at(500))
    // A read that shows nothing new moves nothing, but the next renewal counts from it.
    view.onRead(Self.record("3"), began: at(600), finished: at(602))
    #expect(view.validUntil == at(300 + 3_000 - 500))
    view.onWatched(Self.record("4"), at: at(760))
    #expect(view.validUntil == at(600 + 3_000 - 500))
    // A watch that lags is not believed.
    view.onWatched(Self.record("2"), at: at(900))
    #expect(view.record?.version == 4)
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
    // What it wrote itself it names, with the time between the writes; but not one that waited for half a lease.
    first.onWritten(ActivationViewTests.record("2"), began: at(250), finished: at(260))
    var renewed: ActivationRecord = ActivationViewTests.record("2")
    renewed.renewal = .init(of: 2, after: .milliseconds(260))
    var slow: ActivationInstance = first
    #expect(first.onTick(at(510), obstacles: []) == [.write(renewed, .renew)])
    #expect(slow.onTick(at(1_760), obstacles: []) == [.write(ActivationViewTests.record("2"), .renew)])
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

  private static let toRemote = ActivationInstance.Surroundings(plannedTo: "remote-dr")

  @Test func aPlannedMoveIsAHandover() {
    var production: ActivationInstance = Self.instance("production")
    var local: ActivationInstance = Self.instance("local-dr")
    var remote: ActivationInstance = Self.instance("remote-dr")
    var record: ActivationRecord = ActivationViewTests.record("9")
    production.onRead(record, began: at(0), finished: at(1))
    production.onRead(ActivationViewTests.record("10"), began: at(200), finished: at(201))
    #expect(production.view.isActive("production", at: at(202)))
    // A target that could not take over is no reason to give anything up.
    let refused = ActivationInstance.Surroundings(plannedTo: "remote-dr", plannedObstacles: ["no node of remote-dr is ready"])
    #expect(
      production.onTick(at(210), refused, obstacles: []) == [.refused("remote-dr cannot take over: no node of remote-dr is ready")])
    record = ActivationViewTests.record("10")
    record.handover = .init(to: "remote-dr")
    #expect(production.onTick(at(220), Self.toRemote, obstacles: []) == [.write(record, .yield(to: "remote-dr"))])
    record.resourceVersion = "11"
    production.onWritten(record, began: at(220), finished: at(230))
    // From here on it does not act, whatever its lease said.
    #expect(!production.view.isActive("production", at: at(231)))
    #expect(production.onTick(at(600), Self.toRemote, obstacles: []).isEmpty)
    remote.onRead(record, began: at(600), finished: at(610))
    local.onRead(record, began: at(600), finished: at(610))
    #expect(remote.onTick(at(620), Self.toRemote, obstacles: []).isEmpty)
    let stopped = ActivationInstance.Surroundings(plannedTo: "remote-dr", everybodyStopped: true)
    var released: ActivationRecord = record
    released.handover?.released = true
    #expect(production.onTick(at(700), stopped, obstacles: []) == [.write(released, .release(to: "remote-dr"))])
    released.resourceVersion = "12"
    remote.onRead(released, began: at(720), finished: at(730))
    local.onRead(released, began: at(720), finished: at(730))
    #expect(local.onTick(at(740), Self.toRemote, obstacles: []).isEmpty)
    let expected = ActivationRecord(
      cluster: "bank", center: "remote-dr", epoch: 2, lease: .seconds(3), resourceVersion: "12", previous: "production")
    #expect(remote.onTick(at(740), Self.toRemote, obstacles: []) == [.write(expected, .takeOver(from: "production"))])
  }

  @Test func withoutAReleaseTheTargetWaitsForTheLeaseAndNobodyForEver() {
    var production: ActivationInstance = Self.instance("production")
    var local: ActivationInstance = Self.instance("local-dr")
    var remote: ActivationInstance = Self.instance("remote-dr")
    var record: ActivationRecord = ActivationViewTests.record("9")
    record.handover = .init(to: "remote-dr")
    func read(_ began: Int64) {
      production.onRead(record, began: at(began), finished: at(began + 10))
      local.onRead(record, began: at(began), finished: at(began + 10))
      remote.onRead(record, began: at(began), finished: at(began + 10))
    }
    read(0)
    read(2_900)
    #expect(remote.onTick(at(3_000), obstacles: []).isEmpty)
    read(3_050)
    func next(_ center: CenterName) -> ActivationRecord {
      ActivationRecord(cluster: "bank", center: center, epoch: 2, lease: .seconds(3), resourceVersion: "9", previous: "production")
    }
    #expect(remote.onTick(at(3_060), obstacles: []) == [.write(next("remote-dr"), .takeOver(from: "production"))])
    // The target does not come: after two leases the center that gave way is active again, after three whoever may by itself.
    #expect(production.onTick(at(3_060), obstacles: []).isEmpty)
    read(6_050)
    #expect(production.onTick(at(6_060), obstacles: []) == [.write(next("production"), .takeOver(from: "production"))])
    #expect(local.onTick(at(6_060), obstacles: []).isEmpty)
    read(9_050)
    #expect(local.onTick(at(9_060), obstacles: []) == [.write(next("local-dr"), .takeOver(from: "production"))])
  }

  @Test func aMoveAwayFromADeadCenterGivesItsTargetAHeadStartAndNoMore() {
    var local: ActivationInstance = Self.instance("local-dr")
    var remote: ActivationInstance = Self.instance("remote-dr")
    func read(_ began: Int64) {
      local.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
      remote.onRead(ActivationViewTests.record("9"), began: at(began), finished: at(began + 10))
    }
    read(0)
    read(3_500)
    let waits: String = "production is silent, and remote-dr is asked to take over: two more leases are left to it"
    #expect(local.onTick(at(4_000), Self.toRemote, obstacles: []) == [.refused(waits)])
    func next(_ center: CenterName) -> ActivationRecord {
      ActivationRecord(cluster: "bank", center: center, epoch: 2, lease: .seconds(3), resourceVersion: "9", previous: "production")
    }
    #expect(remote.onTick(at(4_000), Self.toRemote, obstacles: ["it cannot"]) == [.refused("production is silent, but: it cannot")])
    #expect(remote.onTick(at(4_000), Self.toRemote, obstacles: []) == [.write(next("remote-dr"), .takeOver(from: "production"))])
    // A target that cannot take over does not switch automatic failover off.
    #expect(local.onTick(at(8_900), Self.toRemote, obstacles: []).isEmpty)
    #expect(local.onTick(at(9_100), Self.toRemote, obstacles: []).isEmpty, "nothing has been read since")
    read(9_150)
    #expect(local.onTick(at(9_170), Self.toRemote, obstacles: []) == [.write(next("local-dr"), .takeOver(from: "production"))])
  }

  @Test func theActivationNamesTheFailoverThatBroughtItAbout() {
    var production: ActivationInstance = Self.instance("production")
    var remote: ActivationInstance = Self.instance("remote-dr")
    var record: ActivationRecord = ActivationViewTests.record("9")
    production.onRead(record, began: at(0), finished: at(1))
    let asked = ActivationInstance.Surroundings(plannedTo: "remote-dr", plannedBy: "away")
    record.handover = .init(to: "remote-dr", failover: "away")
    #expect(production.onTick(at(10), asked, obstacles: []) == [.write(record, .yield(to: "remote-dr"))])
    record.handover?.released = true
    record.resourceVersion = "10"
    remote.onRead(record, began: at(20), finished: at(30))
    let expected = ActivationRecord(
      cluster: "bank", center: "remote-dr", epoch: 2, lease: .seconds(3), resourceVersion: "10", previous: "production", failover: "away")
    #expect(remote.onTick(at(40), obstacles: []) == [.write(expected, .takeOver(from: "production"))])
  }

  @Test func aDeletedRecordComesBackAboveEveryEpochAndNobodyActsForALease() {
    var production: ActivationInstance = Self.instance("production")
    var local: ActivationInstance = Self.instance("local-dr")
    func read(_ record: ActivationRecord?, _ began: Int64) {
      production.onRead(record, began: at(began), finished: at(began + 10))
      local.onRead(record, began: at(began), finished: at(began + 10))
    }
    read(ActivationViewTests.record("9", epoch: 4), 0)
    // Objects tell of epoch 6: this host has missed something.
    read(nil, 200)
    #expect(production.onTick(at(215), .init(epochFloor: nil), obstacles: []).isEmpty, "the objects have not been read")
    var restored = ActivationRecord(
      cluster: "bank", center: "production", epoch: 7, lease: .seconds(3), previous: "production", handover: .init(to: "production"))
    #expect(production.onTick(at(216), .init(epochFloor: 6), obstacles: []) == [.write(restored, .restore)])
    // Others leave it a lease to do so.
    #expect(local.onTick(at(3_100), .init(epochFloor: 6), obstacles: []).isEmpty)
    #expect(local.onTick(at(3_211), .init(epochFloor: 6), obstacles: []) == [.write(restored, .restore)])
    restored.resourceVersion = "11"
    production.onWritten(restored, began: at(216), finished: at(220))
    // An answer to a read that is older says nothing.
    production.onRead(nil, began: at(210), finished: at(230))
    #expect(!production.isAbsent)
    #expect(!production.view.isActive("production", at: at(231)))
    let stopped = ActivationInstance.Surroundings(everybodyStopped: true)
    #expect(production.onTick(at(1_000), stopped, obstacles: []).isEmpty, "who acted under the deleted record cannot be known")
    production.onRead(restored, began: at(3_230), finished: at(3_235))
    var next: ActivationRecord = restored
    (next.epoch, next.handover) = (8, nil)
    #expect(production.onTick(at(3_240), stopped, obstacles: []) == [.write(next, .takeOver(from: "production"))])
  }

  /// Whatever the deletions come together with, nobody is active twice and no epoch is given twice.
  @Test(arguments: 0..<20) func deletionsOfTheRecordAreSafe(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: [.all, .deletions])
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.everActive, "seed \(seed): nobody was ever active")
  }

  @Test(arguments: 0..<4) func afterADeletionTheSameCenterIsActiveAgainOrElseAnother(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: [])
    world.deleteAt = 5_000
    world.run(milliseconds: 12_000)
    #expect(world.violations.isEmpty && world.deletions == 1, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.active?.center == "production" && world.active?.epoch == 3 && world.lastActiveAt > 11_900, "seed \(seed)")
    world = ActivationWorld(seed: UInt64(seed), troubles: [])
    world.deleteAt = 5_000
    world.deadFrom = ["production": 5_000]
    world.run(milliseconds: 24_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.active?.center == "local-dr" && world.lastActiveAt > 23_900, "seed \(seed)")
  }

  @Test func aWatchTellsOfRenewalsAndNotOfADeletion() {
    let told: Mutex<[UInt64]> = Mutex([])
    let handlers: InformerHandlers = ActivationReader.handlers { record in told.withLock { $0.append(record.version) } }
    func object(_ version: String) -> KubeObject {
      var object: KubeObject = ActivationViewTests.record(version).object(now: WallTime(secondsSince1970: 0))
      object.json["metadata"]["resourceVersion"] = .string(version)
      return object
    }
    handlers.onAdd(object("1"))
    handlers.onUpdate(object("1"), object("2"))
    handlers.onDelete(object("3"))
    #expect(told.withLock { $0 } == [1, 2])
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
  @Test(arguments: 0..<10) func theFirstReadAfterAnElectionIsPrompt(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: .elections)
    world.run(milliseconds: 30_000)
    #expect(world.elections > 0)
    #expect(world.slowestFirstRead <= 150 * 105 / 100 + 10 + 60, "seed \(seed): \(world.slowestFirstRead) ms")
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
  }

  /// The lab's shorter lease is as safe.
  @Test(arguments: 0..<60) func neverTwoActivesByTheLabsLease(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), policy: .lab)
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.everActive, "seed \(seed): nobody was ever active")
  }

  /// Elections as long as the longest of fifty kills under load (0.86 s), one after the other, cost no activation by the lab's lease:
  /// the center stays active throughout, and nobody takes over. Ones that are twice as long do; the checker sees it.
  @Test func electionsEndNoActivationByTheLabsLease() {
    var elections: Int = 0
    var longGaps: Int = 0
    for seed in 0..<40 {
      var world = ActivationWorld(seed: UInt64(seed), troubles: .elections, policy: .lab, elections: 200...860)
      world.run(milliseconds: 60_000)
      elections += world.elections
      #expect(world.gaps == 0 && world.transitions == 0, "seed \(seed): \(world.gaps) gaps in \(world.elections) elections")
      var slow = ActivationWorld(seed: UInt64(seed), troubles: .elections, policy: .lab, elections: 1_700...1_800)
      slow.run(milliseconds: 60_000)
      longGaps += slow.gaps
    }
    #expect(elections > 400 && longGaps > 0)
  }

  /// Without trouble a move that people ask for takes well below a lease, and nobody acts in between.
  @Test(arguments: 0..<10) func plannedMovesTakeLessThanALease(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: .moves)
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.transitions > 0 && world.releases == world.transitions && world.withdrawals == 0, "seed \(seed)")
    #expect(world.slowestMove <= 1_200, "seed \(seed): \(world.slowestMove) ms")
  }

  /// The checker itself: a center that releases before everybody has stopped must be found out.
  @Test func aHastyReleaseIsFoundOut() {
    let found: Bool = (0..<60).contains { seed in
      var world = ActivationWorld(seed: UInt64(seed))
      world.isHasty = true
      world.run(milliseconds: 30_000)
      return !world.violations.isEmpty
    }
    #expect(found)
  }

  /// The checker itself: where only one side goes by the version that a renewal names, it must find two actives.
  @Test func aSideThatGoesByTheNewestVersionAloneIsFoundOut() {
    let found: Bool = (0..<60).contains { seed in
      var world = ActivationWorld(seed: UInt64(seed), policy: .lab)
      world.forgetsRenewals = true
      world.run(milliseconds: 30_000)
      return !world.violations.isEmpty
    }
    #expect(found)
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
  static let now = WallTime(secondsSince1970: 1_800_000_000)
  static func node(_ name: String, center: String, observed: Int64? = nil, taint: Int64? = nil, ready: Bool = true) -> KubeObject {
    var node = KubeObject([
      "kind": "Node", "metadata": ["name": .string(name), "labels": [FederationNames.centerLabel: .string(center)]],
      "status": [
        "conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]],
        "allocatable": ["cpu": "2", "memory": "4Gi", "pods": "110"],
      ],
    ])
    if let observed { node.json["metadata"]["annotations"][FederationNames.observedEpochAnnotation] = .string(String(observed)) }
    return taint.map { Fencing.apply(.fence, to: node, epoch: $0, now: Self.now) } ?? node
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

  @Test func podsOfOneCenterElsewhereAreLostEvenWhereNoTaintStands() {
    func pod(_ name: String, on node: String, tier: String? = nil, phase: String = "Running") -> KubeObject {
      var pod = KubeObject(["metadata": ["name": .string(name)], "spec": ["nodeName": .string(node)], "status": ["phase": .string(phase)]])
      if let tier { pod.json["metadata"]["annotations"][WorkloadTier.annotation] = .string(tier) }
      return pod
    }
    let pods: [KubeObject] = [
      pod("fenced", on: "p1"), pod("spared", on: "p1", tier: "hot"), pod("warm", on: "p1", tier: "warm"), pod("released", on: "p2"),
      pod("hot", on: "p2", tier: "hot"),
      pod("done", on: "p2", phase: "Succeeded"), pod("here", on: "l1"), KubeObject(["metadata": ["name": "unbound"]]),
    ]
    let centers: [String: String] = ["p1": "production", "p2": "production", "l1": "local-dr"]
    func lost(_ home: String?) -> [String] {
      Fencing.lostPods(pods, fencedNodes: ["p1"], centers: centers, home: { _ in home }).map(\.name)
    }
    #expect(lost("local-dr") == ["fenced", "warm", "released"])
    // While a namespace is being moved its pods are left to end where they are.
    #expect(lost(nil) == ["fenced", "warm"])
  }

  @Test func aCenterHasGivenWayWhenNobodyOfItMayActAnyMore() {
    func node(_ name: String, pods: Int64?, control: Int64?) -> KubeObject {
      var node: KubeObject = Self.node(name, center: "production")
      if let pods { node.json["metadata"]["annotations"][FederationNames.yieldedEpochAnnotation] = .string(String(pods)) }
      if let control { node.json["metadata"]["annotations"][FederationNames.controlYieldedEpochAnnotation] = .string(String(control)) }
      return node
    }
    func lease(_ holder: String, epoch: Int64) -> KubeObject {
      KubeObject([
        "metadata": ["annotations": ["federation.tricenter.io/epoch": .string(String(epoch))]], "spec": ["holderIdentity": .string(holder)],
      ])
    }
    func open(_ nodes: [KubeObject], _ leases: [KubeObject] = []) -> [String] {
      HandoverReport.unconfirmed(center: "production", epoch: 4, hosts: ["p1", "p2"], nodes: nodes, leases: leases)
    }
    let both: [KubeObject] = [node("p1", pods: 4, control: 4), node("p2", pods: 4, control: 4)]
    #expect(open(both).isEmpty)
    #expect(open([both[0]]) == ["p2 has no Node"])
    #expect(open([both[0], node("p2", pods: 3, control: 4)]) == ["p2 may still run exclusive pods"])
    #expect(open([both[0], node("p2", pods: 4, control: nil)]) == ["the federation daemon of p2 may still act"])
    // A node that the site file does not know counts as well.
    #expect(open(both + [node("p3", pods: nil, control: 4)]) == ["p3 may still run exclusive pods"])
    #expect(open(both + [Self.node("l1", center: "local-dr")], [lease("", epoch: 4), lease("l1/scheduler", epoch: 4)]).isEmpty)
    #expect(open(both, [lease("p1/scheduler", epoch: 4), lease("p2/controller-manager", epoch: 3)]) == ["p1/scheduler still leads"])
  }

  @Test func aTaintComesAndGoesWithoutTouchingOthers() {
    var node: KubeObject = Self.node("p", center: "production")
    node.json["spec"]["taints"] = [["key": "dedicated", "effect": "NoSchedule"]]
    let fenced: KubeObject = Fencing.apply(.fence, to: node, epoch: 4, now: Self.now)
    #expect(fenced.spec["taints"].array.count == 2)
    #expect(Fencing.fencedTaint(fenced)?["value"].string == "4")
    #expect(Fencing.apply(.release, to: fenced, epoch: 4, now: Self.now) == node)
  }

  @Test func capacityNamesWhatIsMissing() {
    let nodes: [KubeObject] = [Self.node("a", center: "local-dr"), Self.node("b", center: "local-dr", ready: false)]
    func pods(_ cpu: String) -> [KubeObject] {
      [KubeObject(["spec": ["containers": [["resources": ["requests": ["cpu": .string(cpu)]]]]]])]
    }
    func found(_ center: CenterName, _ pods: [KubeObject]) -> [String] {
      Capacity.findings(center: center, nodes: nodes, pods: pods).map(\.measured)
    }
    #expect(found("local-dr", pods("2")).isEmpty)
    #expect(
      found("local-dr", pods("2001m")) == [
        "local-dr has 1 ready nodes with 2000m of cpu, and 2001m of cpu are needed",
        "2001m of cpu and 0 bytes of memory fit on no ready node of local-dr",
      ])
    #expect(found("remote-dr", []) == ["no node of remote-dr is ready"])
  }

  /// The sum fits, and still one of them has no place.
  @Test func aPodThatFitsOnNoNodeIsNamed() {
    let nodes: [KubeObject] = [Self.node("a", center: "local-dr"), Self.node("b", center: "local-dr")]
    let pod = KubeObject([
      "metadata": ["name": "big", "namespace": "bank"],
      "spec": [
        "initContainers": [["resources": ["requests": ["cpu": "3"]]]], "containers": [["resources": ["requests": ["cpu": "1"]]]],
      ],
    ])
    let found: [Finding] = Capacity.findings(center: "local-dr", nodes: nodes, pods: [pod])
    #expect(found.map(\.object) == ["Pod/bank/big"])
    #expect(found[0].cure == "lower its requests, or add a larger node to local-dr")
  }
}
