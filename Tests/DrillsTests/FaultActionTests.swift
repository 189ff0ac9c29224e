import KubeModel
import Primitives
import Site
import TestSupport
import Testing

@testable import Drills

/// Faults in runbooks: what does not pass the check, with its line, and what is drawn from a seed.
@Suite struct FaultActionTests {
  static let good = """
    id: x
    title: X
    cluster: bank
    steps:
      - id: cut
        title: Cut
        action: fault.inject
        inputs:
          kind: cut-link
          target: production <-> local-dr
          lease: 15s
        timeout: 30s
        compensation: { action: fault.end }
      - id: mend
        title: Mend
        action: fault.end
        inputs: { step: cut }
        timeout: 30s
    """

  @Test func aFaultThatIsEndedPassesTheCheck() throws {
    #expect(RunbookTests.problems(Self.good) == [])
    let site: Site = try RunbookTests.site()
    let runbook: Runbook = try RunbookReader.parse(Self.good, file: "x.yaml", files: .carried([:]), site: site)
    let plan = try RunPlan(runbook, run: "r", site: site)
    #expect(plan.steps[0].renewEvery == .seconds(5) && plan.steps[0].isSustained && plan.steps[1].endsStep == "cut")
    // In a run that is not meant nothing is renewed.
    #expect(try RunPlan(runbook, run: "r", mode: .dryRun, site: site).steps[0].renewEvery == nil)
  }

  @Test(arguments: [
    ("kind: cut-link", "kind: meteor", "\"meteor\" is none of", 9),
    ("production <-> local-dr", "production <-> moon", "no place is called moon", 10),
    ("target: production <-> local-dr", "target: prod-9", "no center, no hosts", 10),
    ("target: production <-> local-dr", "target: production", "is done to a line", 10),
    ("lease: 15s", "lease: 2s\n      delay: 5ms", "cut-link takes no delay", 12),
    ("lease: 15s", "lease: 9000s", "a fault lasts", 11),
    ("kind: cut-link", "kind: degrade-link", "one of delay, loss, bandwidth", 9),
    ("kind: cut-link", "kind: kill-process", "kill-process needs daemon", 9),
    ("kind: cut-link", "kind: flap-link", "flap-link needs every", 9),
    ("step: cut", "step: saw", "there is no such step", 17),
    ("step: cut", "step: mend", "does nothing that lasts", 17),
    ("    compensation: { action: fault.end }\n", "", "nothing ends it when a later step fails", 5),
    ("    inputs: { step: cut }\n", "", "does nothing that lasts", 14),
  ])
  func aMistakeIsToldWithItsLine(original: String, changed: String, expected: String, line: Int) {
    let text: String = Self.good.replacing(original, with: changed)
    #expect(text != Self.good)
    let problems: [SiteProblem] = RunbookTests.problems(text)
    #expect(problems.contains { $0.line == line && $0.reason.contains(expected) }, "\(problems)")
  }

  @Test func whatAParameterMakesOfAFaultIsCheckedWhenItIsPlanned() throws {
    let site: Site = try RunbookTests.site()
    let text: String = Self.good.replacing("production <-> local-dr", with: "\"${line}\"")
      .replacing("steps:", with: "parameters: { line: { type: text, required: true } }\nsteps:")
    let runbook: Runbook = try RunbookReader.parse(text, file: "x.yaml", files: .carried([:]), site: site)
    #expect(throws: DrillError.self) { try RunPlan(runbook, run: "r", parameters: ["line": "mars <-> moon"], site: site) }
    #expect(try RunPlan(runbook, run: "r", parameters: ["line": "branch -> production"], site: site).steps.count == 2)
  }

  @Test func rulesOfReadinessAreKnownByName() {
    let step = """
      id: x
      title: X
      cluster: bank
      steps:
        - id: no
          title: No
          action: cluster.refused
          inputs: { center: local-dr, verb: switchover, rules: "capacity, certificates" }
          timeout: 30s
      """
    #expect(RunbookTests.problems(step) == [])
    #expect(
      RunbookTests.problems(step.replacing("capacity,", with: "capacities,")).contains { $0.line == 8 && $0.reason.contains("capacities") })
  }

  @Test func oneSeedDrawsTheSameFaultsAndAnotherOthers() throws {
    let site: Site = try RunbookTests.site()
    func draw(_ seed: String, _ count: Int = 3) -> [FaultSpec] {
      FaultDraw.faults(seed: seed, count: count, lease: .seconds(15), site: site)
    }
    #expect(draw("1") == draw("1"))
    let all: [[FaultSpec]] = (0..<200).map { draw(String($0)) }
    #expect(Set(all.map { $0.map(\.description) }).count > 150)
    for faults in all {
      #expect(faults.count == 3 && faults.allSatisfy { $0.problems(site).isEmpty }, "\(faults)")
      // One takes a host or a line away; nothing is met twice.
      let hosts: [HostName] = faults.flatMap { $0.hosts(site) }
      #expect(Set(hosts).count == hosts.count, "\(faults)")
      #expect(Set(faults.map(\.kind)).count == 3, "\(faults)")
    }
    let kinds: Set<FaultSpec.Kind> = Set(all.flatMap { $0 }.map(\.kind))
    #expect(kinds.count == 11, "\(kinds)")
    // What stands in a report must be what the next one draws, on every machine.
    #expect(draw("1").map(\.description) == Self.firstDraw)
  }

  @Test func theDrawnTimelineShowsWhereAFaultBeginsAndEnds() {
    func entry(_ milliseconds: Double, _ event: String, _ detail: String) -> JSONValue {
      ["ms": .double(milliseconds), "event": .string(event), "center": "", "detail": .string(detail)]
    }
    let report: JSONValue = [
      "timeline": [
        entry(0, "fault", "cut-link production <-> local-dr"), entry(900, "step", "Watch"), entry(5_000, "fault", "dns-silent prod-1"),
        entry(9_000, "fault ends", "cut-link production <-> local-dr"),
      ]
    ]
    let events: [String] = TimelineChart.events(report).map { "\(Int($0.at)) \($0.name)" }
    #expect(events == ["0 event: fault ", "5000 fault: dns-silent prod-1", "9000 fault ends: cut-link production <-> local-dr"])
  }

  static let firstDraw: [String] = [
    "cut-link production -> remote-dr", "dns-silent ldr-1", "api-latency production <-> local-dr delay=100ms",
  ]
}
