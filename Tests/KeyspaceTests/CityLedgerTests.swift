import Keyspace
import Primitives
import Testing

@Suite struct CityLedgerTests {
  private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
  private let members: [(id: MemberID, city: String)] = [
    (MemberID(1), "here"), (MemberID(2), "here"), (MemberID(3), "there"), (MemberID(4), ""),
  ]
  private func ledger() -> CityLedger {
    var ledger = CityLedger(patience: .milliseconds(500), recovery: .seconds(1))
    ledger.onMembers(members)
    return ledger
  }
  private func cluster(_ commands: ClusterCommand...) -> ClusterState {
    var keyspace = Keyspace()
    for (place, command) in commands.enumerated() { _ = keyspace.apply(.cluster(command), at: UInt64(place) + 100) }
    return keyspace.cluster
  }

  @Test func `a city has what one of its members has, and a member without a city counts for none`() {
    var ledger = ledger()
    ledger.update { [MemberID(1): 10, MemberID(2): 12, MemberID(3): 7, MemberID(4): 2][$0] ?? 0 }
    #expect(ledger.cities.map(\.durable) == [12, 7])
    #expect(ledger.safeIndex(.centerSafe, cluster()) == .max && ledger.safeIndex(.citySafe, cluster()) == 7)
    #expect(ledger.safeIndex(.auto, cluster()) == 7)
    let degraded = cluster(.degrade(city: "there", WallTime(secondsSince1970: 1)))
    #expect(ledger.safeIndex(.auto, degraded) == 12 && ledger.safeIndex(.citySafe, degraded) == 7)
    ledger.reset()
    #expect(ledger.safeIndex(.citySafe, cluster()) == 0)
  }

  @Test func `auto waits its time, directs one barrier, and waits again once the city has kept up`() {
    var ledger = ledger()
    let whole = cluster()
    func durable(_ here: UInt64, _ there: UInt64) { ledger.update { $0.value < 3 ? here : $0.value == 3 ? there : 0 } }
    durable(20, 9)
    ledger.onWaiting(15, now: at(100))
    ledger.onWaiting(12, now: at(300))
    #expect(ledger.tick(now: at(599), end: 20, whole).isEmpty)
    #expect(ledger.tick(now: at(600), end: 20, whole) == [.degrade(city: "there")])
    #expect(ledger.tick(now: at(700), end: 20, whole).isEmpty)
    // The leader lost the proposal: it is made again.
    ledger.onDecided("there")
    #expect(ledger.tick(now: at(710), end: 20, whole) == [.degrade(city: "there")])
    ledger.onDecided("there")
    let degraded = cluster(.degrade(city: "there", WallTime(secondsSince1970: 1)))
    var time: Int64 = 800
    while time < 3000 {
      #expect(ledger.tick(now: at(time), end: UInt64(time), degraded).isEmpty, "\(time)")
      time += 25
    }
    // 300 ms behind and the barrier passed: it keeps up, but not yet for a second.
    var directives: [CityLedger.Directive] = []
    while directives.isEmpty, time < 6000 {
      durable(UInt64(time), UInt64(time - 300))
      directives = ledger.tick(now: at(time), end: UInt64(time), degraded)
      time += 25
    }
    #expect(directives == [.restore(city: "there")] && (4000...4100).contains(time))
  }

  @Test func `what arrived in time degrades nothing, and a city that has gone is excused no more`() {
    var ledger = ledger()
    ledger.onWaiting(5, now: at(0))
    ledger.update { _ in 5 }
    #expect(ledger.tick(now: at(10_000), end: 5, cluster()).isEmpty)
    ledger.onMembers(members.filter { $0.city != "there" })
    #expect(
      ledger.tick(now: at(11_000), end: 5, cluster(.degrade(city: "there", WallTime(secondsSince1970: 1)))) == [.restore(city: "there")])
  }
}
