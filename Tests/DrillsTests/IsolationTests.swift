import Primitives
import Site
import Testing

@testable import Drills

/// What mode `isolated` lets a runbook do, and what it makes of lags.
@Suite struct IsolationTests {
  private static func plan(_ steps: String, _ mode: RunPlan.Mode? = .isolated) throws -> RunPlan {
    let text: String = "id: m\ntitle: t\ncluster: bank\nsteps:\n" + steps
    let site: Site = try RunbookTests.site()
    return try RunPlan(RunbookReader.parse(text, file: "m.yaml", files: .carried([:]), site: site), run: "r", mode: mode, site: site)
  }
  private static func refusal(_ steps: String, _ mode: RunPlan.Mode? = .isolated) -> String {
    do {
      _ = try plan(steps, mode)
      return "accepted"
    } catch { return "\(error)" }
  }

  private static let make = "  - { id: make, title: m, action: copy.make, inputs: { center: local-dr }, timeout: 60s }\n"
  private static let move = "  - { id: move, title: m, action: cluster.requireActive, inputs: { center: local-dr }, timeout: 60s }\n"
  private static let loss = "  - { id: loss, title: m, action: fault.centerLoss, inputs: { center: production }, timeout: 60s }\n"

  @Test func everyActionHasItsPlace() {
    for name in ActionCatalog.standard.names where name.hasPrefix("fault.") || name.hasPrefix("host.") || name.hasPrefix("http.") {
      if case .refused = Isolation.of(name) { continue }
      Issue.record("\(name) reaches outside of a copy")
    }
    if case .refused = Isolation.of("something.new") {} else { Issue.record("an action that nobody thought of is not refused") }
    if case .ground = Isolation.of("prove.fence") {} else { Issue.record("prove.fence") }
  }

  @Test func stepsActInTheCopyOnceThereIsOne() throws {
    let plan: RunPlan = try Self.plan(Self.make + Self.move)
    #expect(plan.hasCopy)
    #expect(Self.refusal(Self.make + Self.loss).contains("step loss: fault.centerLoss would reach the real federation"))
    #expect(
      Self.refusal(Self.move + Self.make).contains("step move: cluster.requireActive acts in the copy, and does not wait for step make"))
    #expect(Self.refusal(Self.make, .live).contains("step make: copy.make is for a fenced copy: run it with --mode isolated"))
    // To draw it nothing has to be there.
    #expect(try !Self.plan(Self.make + Self.move, .dryRun).hasCopy)
  }

  @Test func theRunbookSaysItsMode() throws {
    let site: Site = try RunbookTests.site()
    let runbook: Runbook = try RunbookReader.read(path: RunbookTests.root + "/runbooks/isolated-copy.yaml", site: site)
    #expect(runbook.mode == .isolated)
    let plan = try RunPlan(runbook, run: "r", site: site)
    #expect(plan.mode == .isolated && plan.hasCopy)
    #expect(throws: DrillError.self) { try RunPlan(runbook, run: "r", mode: .live, site: site) }
    let check = try #require(plan.steps.first { $0.call.action == "dns.check" })
    #expect(plan.inputsInCopy(check.call, site: site)["name"] == "web.shop.bank.copy.tricenter.test")
  }

  private func lags(_ phase: LagWatch.Phase, _ far: [Double], near: Double = 0.002) -> [LagWatch.Sample] {
    far.map { seconds in
      LagWatch.Sample(
        phase: phase,
        lags: [
          "rdr-1": .init(entries: seconds * 100, bytes: seconds * 10_000, seconds: seconds),
          "ldr-1": .init(entries: near > 0 ? 1 : 0, bytes: 100, seconds: near),
        ])
    }
  }

  @Test func lagsAreComparedForWhoIsFarthestBehind() throws {
    let samples: [LagWatch.Sample] =
      lags(.before, [0.04, 0.05, 0.06]) + lags(.during, [0.04, 0.052, 9], near: 5) + lags(.after, [0.05, 0.05, 0.05])
    let found: LagComparison = try #require(LagComparison(samples))
    #expect(found.member == "rdr-1")
    let change: Double = try #require(found.change(.during) { $0.onTheWay })
    #expect(abs(change - 4) < 0.001)
    #expect(found.json["while"]["ms_p99"].double == 9_000)
    #expect(LagComparison(lags(.before, [0.04])) == nil)
    let still: LagComparison = try #require(
      LagComparison(lags(.before, [0], near: 0) + lags(.during, [1], near: 0) + lags(.after, [0], near: 0)))
    #expect(still.change(.during) { $0.onTheWay } == nil && still.change(.after) { $0.median.seconds } == 0)
  }

  @Test func aLeakIsTold() {
    var report = FenceCounts(stopped: 5, within: 9, left: 0, received: 0, entered: 0, seenOutside: 0, witnesses: 7, foreignCables: [])
    #expect(report.leaks.isEmpty)
    report.received = 1
    report.seenOutside = 2
    report.foreignCables = ["c0 ends in tc-wan"]
    #expect(report.leaks.count == 3 && report.json["seen_in_the_real_network"].int == 2)
  }
}
