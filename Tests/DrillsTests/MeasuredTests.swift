import HTTP
import KubeClient
import KubeModel
import NIOPosix
import Primitives
import Synchronization
import Testing

@testable import Drills

/// What a runner had measured outlives it, and what nobody saw is told.
@Suite struct MeasuredTests {
  @Test func runsOfNumbersSayWhatWasAcknowledged() throws {
    var written = WrittenRuns(life: "a1", writers: 2)
    for number in [1, 2, 3, 5, 6] { written.note(writer: 0, number: number, uid: "u\(number)") }
    written.note(writer: 1, number: 4, uid: "v4")
    #expect(written.runs == [[1...3, 5...6], [4...4]] && written.count == 6)
    #expect(written.contains(writer: 0, number: 5) && !written.contains(writer: 0, number: 4) && !written.contains(writer: 7, number: 1))
    let json: JSONValue = try #require(written.json)
    #expect(WrittenRuns(try JSONValue.parse(Bytes(json.serialized()))) == written)
    for number in 10..<(10 + DrillLimits.keptWrittenRuns) { written.note(writer: 1, number: number * 2, uid: "") }
    #expect(written.json == nil)
    let bad: [JSONValue] = [[:], ["life": "a", "uids": "zz"], ["life": "a", "uids": "1", "runs": [[[3, 2]]]]]
    for json in bad { #expect(WrittenRuns(json) == nil) }
    #expect(WrittenObject.place("drill-r-a1-3-17", run: "r", life: "a1").map { [$0.writer, $0.number] } == [3, 17])
    #expect(WrittenObject.place("drill-r-b2-3-17", run: "r", life: "a1") == nil)
  }

  private static func time(_ seconds: Int64) -> WallTime { WallTime(secondsSince1970: 1_800_000_000 + seconds) }

  private static func part(_ epoch: Int64, _ from: Int64, _ until: Int64, goodAt: Int64?, ended: Bool = false) -> MeasuredPart {
    var part = MeasuredPart(epoch: epoch, holder: "r\(epoch)")
    part.requests = .init(began: time(from), until: time(until), count: 10, failed: 1, servingAt: goodAt.map(time), isEnded: ended)
    part.writes = .init(
      began: time(from), until: time(until), namespace: "shop", run: "r", count: 5, acceptedAt: goodAt.map(time), isEnded: ended,
      written: WrittenRuns(life: "l\(epoch)", writers: 1))
    return part
  }

  @Test func aPartIsKeptAsItIs() throws {
    let part: MeasuredPart = Self.part(3, 0, 10, goodAt: 9)
    #expect(MeasuredPart(try JSONValue.parse(Bytes(part.json.serialized()))) == part)
  }

  @Test func aGapMattersOnlyWhereSomethingWasUnderWay() {
    var objectives = Runbook.Objectives(lostWrites: 0)
    objectives.failedRequests = 0
    let parts: [MeasuredPart] = [Self.part(1, 0, 20, goodAt: 19), Self.part(2, 30, 60, goodAt: 60)]
    func missing(_ parts: [MeasuredPart], _ began: Int64, _ ended: Int64?) -> Int {
      let changes: [(id: String, began: WallTime?, ended: WallTime?)] = [("move", Self.time(began), ended.map(Self.time))]
      return Observation(parts, changes: changes).missing(for: objectives).count
    }
    // Over, and served afterwards, before the runner died.
    #expect(missing(parts, 5, 10) == 0)
    // Under way meanwhile; begun meanwhile; over, but nobody saw what came of it.
    #expect(missing(parts, 15, 35) == 2 && missing(parts, 25, 28) == 2 && missing(parts, 5, nil) == 2)
    #expect(missing([Self.part(1, 0, 20, goodAt: nil), parts[1]], 5, 10) == 2)
    #expect(missing(parts, 5, 19) == 2)
    // After the next one had begun; or the session was over before.
    #expect(missing(parts, 31, 40) == 0)
    #expect(missing([Self.part(1, 0, 20, goodAt: 19, ended: true), parts[1]], 15, 35) == 0)
    objectives = Runbook.Objectives(firstWrite: .seconds(3))
    #expect(missing(parts, 15, 35) == 0)
    let json = Observation(parts, changes: [("move", Self.time(15), Self.time(35))]).json(zero: Self.time(0))
    #expect(json.measuredBy.array.count == 2 && json.unobserved[0]["during"] == ["move"] && json.unobserved[0]["from_ms"].double == 20_000)
  }

  enum Middle: CaseIterable { case quiet, lost, changing }

  /// Two writers on an apiserver in memory. The first runner stops existing in the middle; the second has to find what the first one's
  /// writers were told, and says so.
  @Test(arguments: Middle.allCases) func aRunThatWasTakenOverIsJudgedByAllThatWasMeasured(_ middle: Middle) async throws {
    let text = """
      id: measured
      title: Writes around a gate
      cluster: bank
      objectives: { lostWrites: 0 }
      steps:
        - { id: writes, title: Writers, action: probe.writes, inputs: { namespace: shop, writers: 2 }, timeout: 5s }
        - { id: steady, title: They write, action: probe.steady, inputs: { requests: 0, writes: 40 }, timeout: 20s }
        - { id: gate, title: A gate, action: \(middle == .changing ? "turn" : "gate"), timeout: 60s }
        - { id: on, title: They write on, action: probe.steady, inputs: { requests: 0, writes: 20 }, timeout: 20s }
        - { id: stop, title: Stop them, action: probe.stop, timeout: 5s }
        - { id: complete, title: Nothing is lost, action: verify.writes, timeout: 20s }
      """
    let gate = Gate()
    let actions: ActionCatalog = .standard.adding([
      "gate": .init { context, call in try await context.until(call.deadline, every: .milliseconds(5)) { gate.isOpen ? "open" : nil } },
      "turn": .init(
        effect: .changes, probe: { _, _ in .notHappened },
        run: { context, call in try await context.until(call.deadline, every: .milliseconds(5)) { gate.isOpen ? "turned" : nil } }),
    ])
    try await RunStage.with { stage in
      _ = try await stage.client.create(
        .namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]]))
      let runbook: Runbook = try RunbookReader.parse(text, file: "m.yaml", files: .carried([:]), site: stage.site, actions: actions)
      let plan = try RunPlan(runbook, run: "m", site: stage.site, actions: actions)
      let made: KubeObject = try await RunStore(client: stage.client).create(plan, siteHash: "")
      func start(_ number: Int, _ transport: any HTTPTransport, _ object: KubeObject) -> Task<DrillReport?, Never> {
        let context = DrillContext(
          site: stage.site, plan: plan, faults: NoFaults(), clientTLS: nil, group: MultiThreadedEventLoopGroup.singleton,
          client: KubeClient(transport: transport, fieldManager: "runner-\(number)"), tell: { _ in })
        var configuration = RunShell.Configuration(holder: "runner-\(number)")
        configuration.lease = .milliseconds(400)
        configuration.look = .milliseconds(20)
        let runner = DrillRunner(context, actions: actions)
        return Task { [configuration] in await runner.run(object, configuration: configuration, recorded: false) }
      }
      func status() async throws -> JSONValue { try await RunStore(client: stage.client).get("m").status }
      let mortal = MortalTransport(stage.inner, KillSwitch(after: .max))
      let first: Task<DrillReport?, Never> = start(1, mortal, made)
      // At the gate, and with what was written before it noted.
      while true {
        let found: JSONValue = try await status()
        let kept: MeasuredPart? = found["facts"]["measured.1"].string.flatMap { MeasuredPart((try? JSONValue.parse(Bytes($0))) ?? .null) }
        if ["Running", "Intended"].contains(found["steps"][2]["phase"].string ?? ""), kept?.writes?.count ?? 0 >= 40 { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      try await mortal.freeze()
      first.cancel()
      #expect(await first.value == nil)
      if middle == .lost {
        let names: [String] = try await stage.client.list(.configMaps, namespace: "shop").items.map(\.name).filter { $0.hasSuffix("-0-3") }
        for name in names { try await stage.client.delete(.configMaps, namespace: "shop", name: name) }
      }
      let free: KubeObject = try await RunStore(client: stage.client).whenFree(
        "m", clock: SystemClock(), patience: .seconds(20), every: .milliseconds(20))
      let second: Task<DrillReport?, Never> = start(2, stage.inner, free)
      while try await status()["runner"]["epoch"].int != 2 { try await Task.sleep(for: .milliseconds(10)) }
      gate.open()
      let report: DrillReport = try #require(await second.value)
      let complete: String = report.steps.last?.message ?? ""
      #expect(report.json["measured_by"].array.count == 2 && report.json["unobserved"].array.count == 1)
      #expect(report.acknowledgedWrites >= 60 && report.record.runner.epoch == 2)
      switch middle {
      case .quiet:
        #expect(report.verdict == .passed, "\(report.deviations)")
        #expect(report.lostWrites == 0 && complete.contains("of runners before this one"), "\(complete)")
        #expect(report.text.contains("while nothing was under way"))
        #expect(report.json["reported_after_ms"].double ?? .infinity < 10_000, "\(report.json["reported_after_ms"])")
        var late: DrillReport = report
        late.judge(reportedAfter: .milliseconds(10_001))
        #expect(late.verdict == .failed && late.deviations.last?.contains("10 s are allowed") == true, "\(late.deviations)")
      case .lost:
        #expect(report.verdict == .failed && report.lostWrites == 1, "\(report.deviations)")
        #expect(complete.contains("-0-3 is gone"), "\(complete)")
      case .changing:
        #expect(report.verdict == .inconclusive && report.lostWrites == 0, "\(report.deviations)")
        #expect(report.deviations.first?.contains("lost writes cannot be judged") == true, "\(report.deviations)")
      }
    }
  }

  final class Gate: Sendable {
    private let state: Mutex<Bool> = Mutex(false)
    var isOpen: Bool { state.withLock { $0 } }
    func open() { state.withLock { $0 = true } }
  }
}
