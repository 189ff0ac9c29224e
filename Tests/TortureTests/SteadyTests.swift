import Histories
import Primitives
import Testing

@testable import Torture

@Suite struct ElectionJudgeTests {
  private static let ms: Moment = 1_000_000
  private func judge(
    stalls: [(Int, Moment, Moment)] = [], starvation: [(ElectionJudge.Place, Moment, Moment)] = [], deaths: [(Int, Moment)] = []
  ) -> ElectionJudge {
    var judge = ElectionJudge(priorities: [3, 3, 2, 2, 1])
    judge.stalls = stalls.map { .init(place: .member($0.0), begin: $0.1 * Self.ms, end: $0.2 * Self.ms) }
    judge.starvation = starvation.map { .init(place: $0.0, begin: $0.1 * Self.ms, end: $0.2 * Self.ms) }
    judge.deaths = deaths.map { ($0.0, $0.1 * Self.ms) }
    return judge
  }
  private func election(_ milliseconds: Moment, from: Int?, to: Int?) -> ElectionJudge.Election {
    .init(at: milliseconds * Self.ms, term: 7, from: from, to: to)
  }

  @Test func aShortStallIsNoReason() {
    #expect(judge(stalls: [(0, 9_000, 9_290)]).reason(election(9_700, from: 0, to: 2)) == .needless)
    #expect(judge().reason(election(9_700, from: 0, to: 2)) == .needless)
    // A long one of another member is none, either.
    #expect(judge(stalls: [(1, 8_000, 9_500)]).reason(election(9_700, from: 0, to: 2)) == .needless)
  }

  @Test func aStallBeyondTheLimitIsOne() {
    let long: ElectionJudge = judge(stalls: [(0, 8_000, 9_400)])
    #expect(long.reason(election(9_100, from: 0, to: 2)) == .diskStalled(milliseconds: 1_400))
    // It is long over.
    #expect(long.reason(election(20_000, from: 0, to: 2)) == .needless)
  }

  @Test func whoGotNoProcessorCouldNotBeHeard() {
    #expect(
      judge(starvation: [(.member(0), 9_000, 9_500)]).reason(election(9_600, from: 0, to: 2))
        == .starved(.member(0), milliseconds: 500))
    #expect(judge(starvation: [(.member(0), 9_000, 9_200)]).reason(election(9_600, from: 0, to: 2)) == .needless)
    #expect(judge(starvation: [(.member(1), 9_000, 9_500)]).reason(election(9_600, from: 0, to: 2)) == .needless)
    #expect(
      judge(starvation: [(.wideArea, 9_000, 9_400)]).reason(election(9_600, from: 0, to: 2)) == .starved(.wideArea, milliseconds: 400))
    #expect(
      judge(starvation: [(.member(1), 9_000, 9_500)]).reason(election(9_600, from: nil, to: 2)) == .starved(.member(1), milliseconds: 500))
  }

  @Test func aDeathIsOneAndAHandOverToTheBetterPlacedIsPlanned() {
    #expect(judge(deaths: [(0, 9_000)]).reason(election(9_500, from: 0, to: 2)) == .died)
    #expect(judge(deaths: [(0, 9_900)]).reason(election(9_500, from: 0, to: 2)) == .needless)
    #expect(judge().reason(election(9_500, from: 2, to: 0)) == .handedBack)
    #expect(judge().reason(election(9_500, from: 0, to: 1)) == .needless)
  }
}

@Suite struct SteadyPartsTests {
  @Test func theSameSeedGivesTheSameStallsAndSeveralComeAtOnce() {
    let plan = StallPlan(seed: 3, seconds: 600, every: .seconds(5), members: 5)
    #expect(plan.stalls == StallPlan(seed: 3, seconds: 600, every: .seconds(5), members: 5).stalls)
    #expect((100...140).contains(plan.stalls.count))
    #expect(plan.stalls.allSatisfy { $0.at >= 3_000_000_000 && $0.at < 597_000_000_000 })
    #expect(plan.stalls.contains { $0.members.count > 1 })
    #expect(Set(plan.stalls.flatMap(\.members)) == [0, 1, 2, 3, 4])
  }

  @Test func quantilesAreRightWithinTwoParts() {
    var counts = LatencyCounts()
    #expect(counts.quantile(0.5) == 0)
    for milliseconds in 1...1_000 { counts.add(Int64(milliseconds) * 1_000_000) }
    #expect((490...511).contains(counts.quantile(0.5)))
    #expect((980...1_000).contains(counts.quantile(0.99)))
    #expect(counts.quantile(1) <= 1_000)
    #expect(counts.longest == 1_000_000_000)
  }
}

@Suite struct HappenedTests {
  @Test func aLineFaultHappenedWhenPacketsTellIt() {
    let before = LineCounts(carried: 10, lost: 2, blocked: 5)
    #expect(!FaultConductor.happened(.cut, before, LineCounts(carried: 20, lost: 9, blocked: 5)))
    #expect(FaultConductor.happened(.oneWayCut, before, LineCounts(carried: 10, lost: 2, blocked: 6)))
    #expect(!FaultConductor.happened(.loss, before, LineCounts(carried: 90, lost: 2, blocked: 6)))
    #expect(FaultConductor.happened(.loss, before, LineCounts(carried: 90, lost: 3, blocked: 5)))
    #expect(FaultConductor.happened(.delay, before, LineCounts(carried: 11, lost: 2, blocked: 5)))
    #expect(FaultConductor.happened(.cut, nil, nil))
  }
}
