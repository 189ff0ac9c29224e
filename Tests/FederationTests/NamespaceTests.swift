import KubeModel
import Primitives
import Synchronization
import Testing

@testable import Federation

@Suite struct NamespaceTests {
  func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
  static func record(_ version: String, _ placements: [NamespacePlacement] = [], center: CenterName = "production") -> ActivationRecord {
    ActivationRecord(cluster: "bank", center: center, epoch: 4, lease: .seconds(3), resourceVersion: version, placements: placements)
  }
  static func instance(_ center: CenterName) -> ActivationInstance {
    ActivationInstance(
      .init(
        cluster: "bank", center: center, order: ["production", "local-dr", "remote-dr"], automaticTo: ["local-dr"], lease: .seconds(3),
        renewEvery: .milliseconds(250), margin: .milliseconds(500), hostIndex: 0))
  }

  @Test func placementsSurviveTheirWayThroughTheRecord() throws {
    let placements: [NamespacePlacement] = [
      .init(namespace: "payments", center: "local-dr", token: 41, failover: "bank-evacuate-x2"),
      .init(namespace: "shop", center: "production", token: 44, yieldsTo: "remote-dr", failover: "a.b"),
    ]
    let record: ActivationRecord = Self.record("50", placements)
    #expect(try ActivationRecord(record.object(now: WallTime(secondsSince1970: 0))) == record)
    for text in ["payments", "payments=local-dr", "=local-dr@1", "a=b@c", "a=b@1>", "a=b@1/", "a=b@1,a=c@2", "a=b@1,", ""] {
      var object: KubeObject = record.object(now: WallTime(secondsSince1970: 0))
      object.json["metadata"]["annotations"][NamespacePlacement.annotation] = .string(text)
      #expect(throws: FederationError.self, "\(text)") { try ActivationRecord(object) }
    }
  }

  @Test func aNamespaceIsItsCentersForALeaseFromTheReadThatShowsIt() {
    let placed = NamespacePlacement(namespace: "payments", center: "local-dr", token: 7)
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(Self.record("7"), began: at(0), finished: at(5))
    #expect(view.claim(of: "local-dr", on: "payments") == .general)
    // A watch tells that it is so, and not that it still is.
    view.onWatched(Self.record("9", [placed]), at: at(100))
    #expect(view.claim(of: "local-dr", on: "payments") == .unproven)
    #expect(view.claim(of: "production", on: "payments") == .denied(reason: "payments is placed in local-dr"))
    #expect(view.claim(of: "production", on: "shop") == .general)
    view.onRead(Self.record("9", [placed]), began: at(110), finished: at(120))
    #expect(view.claim(of: "local-dr", on: "payments") == .allowed(until: at(2_610)))
    // An answer that a newer version has overtaken is as good, as long as it shows the same placement.
    view.onWatched(Self.record("12", [placed]), at: at(300))
    view.onRead(Self.record("10", [placed]), began: at(290), finished: at(320))
    #expect(view.mayRun("local-dr", namespace: "payments", at: at(2_789)) && !view.mayRun("local-dr", namespace: "payments", at: at(2_790)))
    var moving: NamespacePlacement = placed
    (moving.token, moving.yieldsTo) = (12, "production")
    view.onWatched(Self.record("13", [moving]), at: at(400))
    view.onRead(Self.record("12", [placed]), began: at(395), finished: at(410))
    #expect(view.claim(of: "local-dr", on: "payments") == .denied(reason: "payments is being moved to production"))
  }

  @Test func aNamespaceMovesWhenEverybodyHasStoppedOrAfterALease() throws {
    var production: ActivationInstance = Self.instance("production")
    production.onRead(Self.record("10"), began: at(0), finished: at(5))
    var asked = ActivationInstance.Surroundings()
    asked.evacuations = [.init(namespace: "payments", to: "local-dr", failover: "e1")]
    let leaving = NamespacePlacement(namespace: "payments", center: "production", token: 10, yieldsTo: "local-dr", failover: "e1")
    #expect(production.onTick(at(10), asked, obstacles: []) == [.write(Self.record("10", [leaving]), .yieldNamespace(leaving))])
    production.onWritten(Self.record("11", [leaving]), began: at(10), finished: at(20))
    #expect(!production.view.mayRun("production", namespace: "payments", at: at(21)))
    // It goes on renewing for all others, and asks for nothing twice.
    var renewed: ActivationRecord = Self.record("11", [leaving])
    renewed.renewal = .init(of: 11, after: .milliseconds(290))
    #expect(production.onTick(at(300), asked, obstacles: []) == [.write(renewed, .renew)])
    production.onWritten(Self.record("12", [leaving]), began: at(300), finished: at(310))
    #expect(production.view.mayRun("production", namespace: "shop", at: at(311)))
    var stopped: ActivationInstance.Surroundings = asked
    stopped.stoppedPlacements = [10]
    var late: ActivationInstance = production
    let placed = NamespacePlacement(namespace: "payments", center: "local-dr", token: 12, failover: "e1")
    #expect(production.onTick(at(320), stopped, obstacles: []) == [.write(Self.record("12", [placed]), .placeNamespace(leaving))])
    // Nobody says that it stopped: the lease counts from when the yield was heard of, not from renewals since.
    for (version, time) in [("13", Int64(1_200)), ("14", 2_100), ("15", 2_900)] {
      late.onRead(Self.record(version, [leaving]), began: at(time - 10), finished: at(time))
    }
    #expect(late.onTick(at(3_015), asked, obstacles: []).isEmpty)
    var next: NamespacePlacement = placed
    next.token = 15
    #expect(late.onTick(at(3_020), asked, obstacles: []) == [.write(Self.record("15", [next]), .placeNamespace(leaving))])
    // Home again it is like all others.
    asked.evacuations = [.init(namespace: "payments", to: "production", failover: "e2")]
    production.onWritten(Self.record("16", [placed]), began: at(330), finished: at(340))
    let returning = NamespacePlacement(namespace: "payments", center: "local-dr", token: 16, yieldsTo: "production", failover: "e2")
    #expect(production.onTick(at(350), asked, obstacles: []) == [.write(Self.record("16", [returning]), .yieldNamespace(returning))])
    production.onWritten(Self.record("17", [returning]), began: at(350), finished: at(360))
    stopped.stoppedPlacements = [16]
    #expect(production.onTick(at(370), stopped, obstacles: []) == [.write(Self.record("17"), .placeNamespace(returning))])
  }

  /// The store was recovered: the lease of a namespace that gives way counts from there as well.
  @Test func afterARecoveryTheLeaseCountsFromThere() {
    var remote: ActivationInstance = Self.instance("remote-dr")
    let leaving = NamespacePlacement(namespace: "payments", center: "local-dr", token: 8, yieldsTo: "remote-dr")
    remote.onRead(Self.record("10", [leaving], center: "remote-dr"), began: at(0), finished: at(5))
    remote.onRecovered(at: at(2_000))
    remote.onWritten(Self.record("11", [leaving], center: "remote-dr"), began: at(2_010), finished: at(2_020))
    #expect(remote.onTick(at(5_499), obstacles: []) == [.write(Self.record("11", [leaving], center: "remote-dr"), .renew)])
    remote.onWritten(Self.record("12", [leaving], center: "remote-dr"), began: at(5_499), finished: at(5_500))
    #expect(
      remote.onTick(at(5_501), obstacles: []) == [.write(Self.record("12", center: "remote-dr"), .placeNamespace(leaving))])
  }

  /// Which namespaces are placed where may have changed in what the lost majority held: nobody reads it for a lease.
  @Test func afterARecoveryActivationsAreNotToldForALease() {
    final class Hand: TimeSource {
      let time: Mutex<MonotonicTime> = Mutex(MonotonicTime(nanoseconds: 0))
      func now() -> MonotonicTime { time.withLock { $0 } }
      func wall() -> WallTime { WallTime(secondsSince1970: 0) }
    }
    let clock = Hand()
    let pause = RecoveryPause(lease: .seconds(3), epoch: 4, clock: clock)
    func isHeldBack(_ epoch: UInt64, _ milliseconds: Int64, name: String = "activation-bank") -> Bool {
      clock.time.withLock { $0 = at(milliseconds) }
      return pause.reason(.leases, ActivationRecord.namespace, name, epoch: epoch) != nil
    }
    #expect(!isHeldBack(4, 1_000))
    #expect(isHeldBack(5, 2_000) && isHeldBack(5, 4_999) && !isHeldBack(5, 4_999, name: "scheduler") && !isHeldBack(5, 5_000))
    #expect(isHeldBack(6, 5_001))
    #expect(pause.reason(.nodes, "", "activation-bank", epoch: 9) == nil)
  }

  @Test func whoTakesTheClusterOverKeepsWhatOthersMayStillRun() {
    let placements: [NamespacePlacement] = [
      .init(namespace: "at-successor", center: "local-dr", token: 1),
      .init(namespace: "comes-to-successor", center: "production", token: 2, yieldsTo: "local-dr"),
      .init(namespace: "elsewhere", center: "remote-dr", token: 3),
      .init(namespace: "going-home", center: "remote-dr", token: 4, yieldsTo: "production"),
      .init(namespace: "leaves-successor", center: "local-dr", token: 5, yieldsTo: "remote-dr"),
    ]
    #expect(
      Self.record("9", placements).placements(under: "local-dr") == [
        placements[2], .init(namespace: "going-home", center: "remote-dr", token: 4, yieldsTo: "local-dr"),
      ])
  }

  /// A namespace comes home by itself only when its center is silent for us and for a third center.
  @Test func aCenterIsGoneByTheWordOfTwo() {
    var board = ProbeBoard(hosts: ["local-dr": ["ldr-1"], "remote-dr": ["rdr-1"]], began: at(0))
    board.onAnswer("ldr-1", .standby, at: at(1_000))
    func report(_ center: CenterName, reachable: Bool?, heardAgo: Duration = .zero) -> HeardVantage {
      var spec: JSONValue = ["kind": "host", "center": .string(center.value), "intervalMilliseconds": 1_000]
      if let reachable { spec["sees"] = [["center": "local-dr", "reachable": .bool(reachable)]] }
      return HeardVantage(KubeObject(["metadata": ["name": .string("of-\(center)")], "spec": spec]), heardAgo: heardAgo)
    }
    func isGone(_ vantages: [HeardVantage], after milliseconds: Int64 = 4_000) -> Bool {
      FederationController.isGone(
        "local-dr", for: .seconds(3), from: "production", board: board, vantages: vantages, at(milliseconds))
    }
    #expect(isGone([report("remote-dr", reachable: false)]))
    #expect(!isGone([report("remote-dr", reachable: false)], after: 3_999), "its last answer is younger than a lease")
    #expect(!isGone([]), "nobody else says anything")
    #expect(!isGone([report("remote-dr", reachable: true)]), "a third center reaches it")
    #expect(!isGone([report("remote-dr", reachable: false, heardAgo: .seconds(4))]), "what a third center said is old")
    #expect(!isGone([report("remote-dr", reachable: nil)]))
    #expect(!isGone([report("production", reachable: false), report("local-dr", reachable: false)]), "only a third center counts")
  }

  @Test func onlyAllHostsTogetherHaveStopped() {
    let placement = NamespacePlacement(namespace: "payments", center: "production", token: 41, yieldsTo: "local-dr")
    func node(_ name: String, _ told: String?) -> KubeObject {
      var node = KubeObject(["kind": "Node", "metadata": ["name": .string(name)]])
      if let told { node.json["metadata"]["annotations"][FederationNames.stoppedPlacementsAnnotation] = .string(told) }
      return node
    }
    func stopped(_ nodes: [KubeObject]) -> Bool {
      FederationController.haveStopped(placement, hosts: ["prod-1", "prod-2"], nodes: nodes)
    }
    #expect(stopped([node("prod-1", "41"), node("prod-2", "12,41")]))
    #expect(!stopped([node("prod-1", "41"), node("prod-2", "412,4")]))
    #expect(!stopped([node("prod-1", "41")]), "a host without a Node may run what it will")
    #expect(!stopped([node("prod-1", "41"), node("prod-2", "41"), node("added", nil)]))
  }

  /// Namespaces move to and fro under every trouble there is: never two centers that may run one, and it is served.
  @Test(arguments: 0..<40) func neverTwoCentersRunANamespace(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: [.all, .evacuations], policy: seed % 2 == 0 ? .usual : .lab)
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.everActive && world.namespaceServed > 0, "seed \(seed)")
  }

  @Test(arguments: 0..<10) func deletionsOfTheRecordAreSafeForNamespaces(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: [.all, .evacuations, .deletions])
    world.run(milliseconds: 30_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
  }

  /// Without other trouble every move is done, and soon.
  @Test(arguments: 0..<10) func namespacesMoveToAndFro(seed: Int) {
    var world = ActivationWorld(seed: UInt64(seed), troubles: [.evacuations])
    world.run(milliseconds: 60_000)
    #expect(world.violations.isEmpty, "seed \(seed): \(world.violations.first ?? "")")
    #expect(world.namespaceMoves >= 5 && world.namespaceYields - world.namespaceMoves <= 1 && world.transitions == 0, "seed \(seed)")
    #expect(world.namespaceServed > 50_000, "seed \(seed): served for \(world.namespaceServed) ms of 60,000")
  }

  /// The checker itself: whoever places a namespace before everybody has stopped is found out, by the namespace.
  @Test func aHastyPlacementIsFoundOut() {
    let found: Bool = (0..<60).contains { seed in
      var world = ActivationWorld(seed: UInt64(seed), troubles: [.cutsAndPauses, .slowAnswers, .elections, .evacuations])
      world.isHasty = true
      world.run(milliseconds: 30_000)
      return world.violations.contains { $0.contains(ActivationWorld.namespace) }
    }
    #expect(found)
  }
}
