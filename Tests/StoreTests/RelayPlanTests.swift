import Consensus
import Primitives
import Testing

@testable import Store

@Suite struct RelayPlanTests {
  private let members: [StoreMember] = [
    ("prod-1", "production", "east"), ("prod-2", "production", "east"), ("ldr-1", "local-dr", "east"), ("ldr-2", "local-dr", "east"),
    ("rdr-1", "remote-dr", "west"), ("rdr-2", "remote-dr", "west"), ("rdr-3", "remote-annex", "west"),
  ].enumerated().map { number, member in
    StoreMember(
      id: MemberID(UInt64(number + 1)), name: HostName(member.0), center: CenterName(member.1), city: member.2)
  }
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private func plan(_ relay: WideArea.Relay = .centers, own: UInt64 = 1) -> RelayPlan {
    var settings = WideArea()
    settings.relay = relay
    settings.relayedFrom = 1000
    var plan = RelayPlan(settings, tick: .milliseconds(25))
    plan.onMembers(members, own: MemberID(own))
    return plan
  }

  private func append(to member: UInt64, after index: UInt64, count: Int = 1, bytes: Int = 2000) -> RaftMessage {
    RaftMessage(
      from: MemberID(1), to: MemberID(member), term: 5,
      body: .append(
        previous: LogPosition(term: 5, index: index), commit: index,
        entries: (0..<count).map { Entry(index: index + UInt64($0) + 1, term: 5, payload: Bytes(repeating: 1, count: bytes)) }))
  }

  /// Who gets what from whom: "3" directly, "3>3+4" by 3 for 3 and 4.
  private func words(_ deliveries: [RelayPlan.Delivery]) -> [String] {
    deliveries.map { delivery in
      switch delivery {
      case .direct(let message): "\(message.to.value)"
      case .relayed(let message, let receivers):
        "\(message.to.value)>" + receivers.map { "\($0.value)" }.joined(separator: "+")
      }
    }
  }

  private func route(_ plan: inout RelayPlan, _ messages: [RaftMessage], match: [UInt64: UInt64] = [:]) -> [String] {
    words(plan.route(messages, now: now, match: { match[$0.value] ?? 0 }))
  }

  private func all(after index: UInt64, bytes: Int = 2000) -> [RaftMessage] { (2...7).map { append(to: $0, after: index, bytes: bytes) } }

  @Test func `each link is crossed once: the other center, and the other city whatever its centers`() {
    var plan: RelayPlan = plan()
    #expect(route(&plan, all(after: 10)) == ["2", "3>3+4", "5>5+6+7"])
    var cities: RelayPlan = self.plan(.cities)
    #expect(route(&cities, all(after: 10)) == ["2", "3", "4", "5>5+6+7"])
    var never: RelayPlan = self.plan(.never)
    #expect(!never.concerns(all(after: 10)) && route(&never, all(after: 10)) == ["2", "3", "4", "5", "6", "7"])
    // From the far city, the other one is one place.
    var remote: RelayPlan = self.plan(own: 5)
    #expect(route(&remote, [1, 2, 3, 4, 6, 7].map { append(to: $0, after: 1) }) == ["1>1+2+3+4", "6", "7"])
  }

  @Test func `small batches go directly, but never past what is still under way`() {
    var plan: RelayPlan = plan()
    #expect(!plan.concerns(all(after: 1, bytes: 10)))
    #expect(route(&plan, all(after: 1, bytes: 10)) == ["2", "3", "4", "5", "6", "7"])
    #expect(plan.concerns(all(after: 10)))
    _ = route(&plan, all(after: 10))
    #expect(plan.concerns([append(to: 4, after: 11, bytes: 10)]))
    let had: [UInt64: UInt64] = [3: 11, 5: 11, 7: 11]
    #expect(route(&plan, all(after: 11, bytes: 10), match: had) == ["2", "3>4+3", "5>6+5", "7"])
    // An empty append asks whether what went before is there, so it must not overtake it.
    #expect(route(&plan, [append(to: 4, after: 12, count: 0)], match: had) == ["3>4"])
    #expect(route(&plan, all(after: 12, bytes: 10), match: [4: 12, 6: 12]) == ["2", "3", "4", "5", "6", "7"])
    #expect(!plan.hasRoutes)
  }

  @Test func `one that is elsewhere in the log gets its own`() {
    var plan: RelayPlan = plan()
    #expect(route(&plan, [append(to: 3, after: 10), append(to: 4, after: 7)]) == ["3", "4"])
    // Several messages of one output keep their order for each of them.
    let two: [RaftMessage] = [append(to: 3, after: 10), append(to: 3, after: 11), append(to: 4, after: 10)]
    #expect(route(&plan, two) == ["3>3+4", "3"])
    #expect(route(&plan, [append(to: 3, after: 12), append(to: 4, after: 11)]) == ["3", "3>4"])
  }

  @Test func `a relay whose link breaks, or that cannot hand on, loses its members at once and is not asked again soon`() {
    var plan: RelayPlan = plan()
    _ = route(&plan, all(after: 10))
    #expect(plan.onUnreachable(MemberID(3), now) == [MemberID(4)])
    #expect(plan.onRefused(by: MemberID(5), [MemberID(7)], now) == [MemberID(7)])
    #expect(plan.relay(of: MemberID(4)) == nil && plan.relay(of: MemberID(6)) == MemberID(5))
    // Another one of the place relays from now on.
    #expect(route(&plan, [append(to: 3, after: 11), append(to: 4, after: 11)]) == ["4>4+3"])
    #expect(plan.relay(of: MemberID(3)) == MemberID(4))
    #expect(plan.onUnreachable(MemberID(4), now) == [MemberID(3)])
    #expect(route(&plan, [append(to: 3, after: 12), append(to: 4, after: 12)]) == ["3", "4"])
    let later: MonotonicTime = now + .seconds(6)
    #expect(
      words(plan.route([append(to: 3, after: 13), append(to: 4, after: 13)], now: later, match: { _ in 0 })).count == 1)
  }

  @Test func `a relay that is silent, or has what the other has not, is found out by the clock`() {
    var plan: RelayPlan = plan()
    _ = route(&plan, all(after: 10))
    func tick(_ milliseconds: Int64, _ match: [UInt64: UInt64], silent: Set<UInt64> = []) -> [UInt64] {
      plan.onTick(now + .milliseconds(milliseconds), match: { match[$0.value] ?? 0 }, isSilent: { silent.contains($0.value) })
        .map(\.value).sorted()
    }
    #expect(tick(25, [:]) == [])
    // Bytes that need long for the link are no reason: the relay has not acknowledged them either.
    #expect(tick(2000, [:]) == [])
    #expect(tick(2100, [:], silent: [5]) == [6, 7])
    #expect(tick(2200, [3: 11]) == [])
    #expect(tick(2300, [3: 11]) == [])
    #expect(tick(2500, [3: 11], silent: [4]) == [])
    #expect(tick(2501, [3: 11]) == [4])
    #expect(!plan.hasRoutes && plan.failures == 2)
  }
}
