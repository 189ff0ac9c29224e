import Histories
import Testing

@testable import Torture

@Suite struct PlanTests {
  private let all: Set<Injection.Kind> = Set(Injection.Kind.allCases)

  @Test func theSameSeedGivesTheSamePlan() {
    #expect(FaultPlan(seed: 7, seconds: 120, kinds: all).injections == FaultPlan(seed: 7, seconds: 120, kinds: all).injections)
    #expect(FaultPlan(seed: 7, seconds: 120, kinds: all).injections != FaultPlan(seed: 8, seconds: 120, kinds: all).injections)
  }

  @Test func everyFaultIsUndoneBeforeTheEnd() {
    for seed in 1...50 {
      let plan = FaultPlan(seed: UInt64(seed), seconds: 60, kinds: all)
      #expect(plan.injections.count > 10)
      for injection in plan.injections {
        #expect(injection.at >= 2_000_000_000 && injection.at < injection.until && injection.until <= 58_000_000_000, "\(injection)")
      }
      #expect(plan.injections.map(\.at) == plan.injections.map(\.at).sorted())
    }
  }

  @Test func notTooManyAtOnceAndNoneTwiceInOnePlace() {
    for seed in 1...50 {
      let injections: [Injection] = FaultPlan(seed: UInt64(seed), seconds: 60, kinds: all).injections
      for (index, injection) in injections.enumerated() {
        let open: [Injection] = injections[..<index].filter { $0.until > injection.at }
        #expect(open.count < TortureLimits.faultsAtOnce)
        #expect(!open.contains { $0.touches(injection) })
      }
    }
  }

  @Test func aLongPlanHasEveryKindAndOnlyThese() {
    let long = FaultPlan(seed: 1, seconds: 900, kinds: all)
    #expect(Set(long.injections.map(\.kind)) == all)
    #expect(Set(FaultPlan(seed: 1, seconds: 900, kinds: [.kill, .cut]).injections.map(\.kind)) == [.kill, .cut])
    #expect(FaultPlan(seed: 1, seconds: 900, kinds: []).injections.isEmpty)
  }

  @Test func faultsAreToldInWords() {
    let second: Moment = 1_000_000_000
    #expect("\(Injection(kind: .kill, target: .members([0, 1]), at: 0, until: second))" == "kill -9: prod-1, prod-2, 1000 ms")
    #expect(
      "\(Injection(kind: .oneWayCut, target: .line(from: 2, to: 0), at: 0, until: second))"
        == "one-way cut: remote-dr → production, 1000 ms")
    #expect(
      "\(Injection(kind: .loss, target: .line(from: 0, to: 1), at: 0, until: second, amount: 125))"
        == "12.5 % lost: production ↔ local-dr, 1000 ms")
  }

  @Test func aTimelineShowsFaultsOverCalls() {
    var counts = Recorder.Counts()
    counts.bySecond = (0..<100).map { $0 < 50 ? 200 : 0 }
    counts.elections = [60_000_000_000]
    let second: Moment = 1_000_000_000
    let done: [FaultConductor.Done] = [
      .init(injection: Injection(kind: .kill, target: .leader, at: 50 * second, until: 59 * second), members: [0]),
      .init(injection: Injection(kind: .cut, target: .line(from: 0, to: 2), at: 10 * second, until: 20 * second), members: []),
    ]
    let lines: [String] = Timeline(counts: counts, done: done, seconds: 100).lines
    #expect(lines[0].hasPrefix("        200/s │██"))
    #expect(lines.contains { $0.hasPrefix("         kill │" + String(repeating: " ", count: 50) + "PPPPPPPPPP ") })
    #expect(lines.contains { $0.hasPrefix("          cut │" + String(repeating: " ", count: 10) + "22222222222 ") })
    #expect(lines.contains { $0.hasPrefix("    elections │" + String(repeating: " ", count: 60) + "* ") })
    #expect(lines.filter { $0.contains("│") }.allSatisfy { $0.count == 13 + 2 + 100 + 1 })
  }
}
