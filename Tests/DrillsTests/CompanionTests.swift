import Primitives
import Testing

@testable import Drills

@Suite struct CompanionTests {
  private func finding(
    _ samples: [(Int64, Int64, String?)], fault: Int64?, outage: Duration? = nil, failed: Int? = nil
  ) -> CompanionFinding {
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    return CompanionFinding(
      name: "warm", samples: samples.map { .init(began: at($0.0), ended: at($0.1), center: $0.2) },
      objective: .init(outage: outage, failed: failed), fault: fault.map(at))
  }

  @Test func theTimeWithoutAnAnswerCountsFromTheFault() {
    let found = finding(
      [(0, 10, "production"), (50, 60, "production"), (100, 1_100, nil), (150, 2_900, "local-dr"), (3_000, 3_010, "local-dr")],
      fault: 90, outage: .seconds(3), failed: 1)
    #expect(found.outage == 2_810 && found.failed == 1 && found.requests == 5)
    #expect(found.deviations.isEmpty)
  }

  @Test func whoIsNotServedAtTheEndIsNotServed() {
    let found = finding([(0, 10, "production"), (100, 110, "local-dr"), (200, 4_200, nil)], fault: 50, outage: .seconds(3))
    #expect(found.outage == 4_090)
    #expect(found.deviations == ["Nobody was served by warm for 4090 ms, more than its objective of 3000 ms."])
  }

  @Test func nothingShownIsADeviation() {
    #expect(finding([], fault: 0).deviations == ["The client warm made no request: nothing was shown."])
    let never = finding([(0, 10, "production"), (100, 1_100, nil)], fault: 50, outage: .seconds(3), failed: 0)
    #expect(never.outage == nil)
    #expect(
      never.deviations == [
        "Nobody was served by warm after the loss.", "1 requests of warm failed after retries, more than its objective of 0.",
      ])
  }
}
