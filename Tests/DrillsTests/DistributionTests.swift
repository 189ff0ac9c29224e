import Testing

@testable import Drills

@Suite struct DistributionTests {
  private func row(_ name: String, _ values: [Double], missing: Int = 0, objective: Double? = nil) -> Distribution.Row {
    Distribution.Row(name: name, values: values, missing: missing, objective: objective)
  }

  @Test func quantilesAreByNearestRank() {
    let thirty = row("first write", (1...30).map { Double($0) * 10 })
    #expect(thirty.quantile(0.5) == 150)
    #expect(thirty.quantile(0.99) == 300)
    #expect(row("one", [7]).quantile(0.5) == 7 && row("one", [7]).quantile(0.99) == 7)
    #expect(row("none", [], missing: 30).quantile(0.99) == nil)
  }

  @Test func itIsDrawnOnOneScale() {
    let found = Distribution(
      rows: [
        row("first write", [600, 610, 700], objective: 700), row("first request", [3_000, 3_500, 4_000], objective: 4_000),
        row("warm unserved", [2_900], missing: 2, objective: 3_000),
      ], drills: 3, passed: 2, acknowledged: 1_200, lost: 0, failed: [("hot", 1, 600)])
    #expect(
      found.text == """

                            least    median       p99      most objective   0 to 4000 ms
            first write    600 ms    610 ms    700 ms    700 ms    700 ms  │        █ ▄                                                 │
          first request   3000 ms   3500 ms   4000 ms   4000 ms   4000 ms  │                                            █      █       █│
          warm unserved   2900 ms   2900 ms   2900 ms   2900 ms   3000 ms  │                                          █                 │ not measured by 2

          hot: 1 of 600 requests failed after retries

          2 of 3 passed; 1200 writes acknowledged, 0 lost

        """)
    #expect(found.json["times"][0]["p99_ms"].double == 700 && found.json["lost_writes"].int == 0)
  }
}
