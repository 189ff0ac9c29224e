import APIServer
import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import Keyspace
import Logging
import NIOCore
import Primitives
import Synchronization
import TLS
import Testing

@testable import Drills

@Suite struct RecorderTests {
  /// An API that can be away.
  final class ShakyTransport: HTTPTransport {
    let inner: InProcessTransport
    let isAway: Atomic<Bool> = Atomic(false)
    init(_ inner: InProcessTransport) { self.inner = inner }
    func execute(_ request: HTTPRequest, body: ByteBuffer?) async throws -> ClientResponse {
      if isAway.load(ordering: .acquiring) { throw HTTPError(.connectionLost, "nobody answers") }
      return try await inner.execute(request, body: body)
    }
  }

  private static func run(_ body: (ShakyTransport, KubeClient, RunPlan) async throws -> Void) async throws {
    try await RunStage.with { stage in
      let transport = ShakyTransport(stage.inner)
      let runbook: Runbook = try RunbookReader.read(path: RunbookTests.root + "/runbooks/production-loss.yaml", site: stage.site)
      let plan = try RunPlan(runbook, run: "production-loss-1", site: stage.site)
      try await body(transport, KubeClient(transport: transport, fieldManager: "test"), plan)
    }
  }

  private static func drill(_ client: KubeClient, until holds: (KubeObject) -> Bool) async throws -> KubeObject {
    let start: ContinuousClock.Instant = .now
    while true {
      if let found: KubeObject = try await client.list(.drills).items.first, holds(found) { return found }
      guard ContinuousClock.now - start < .seconds(20) else { throw DrillError(.timeout, "the drill's object never came to that") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private static func record(_ plan: RunPlan, _ phases: [(RunRecord.StepPhase, String)], aborted: Bool = false) -> RunRecord {
    var record = RunRecord(plan)
    record.phase = aborted ? .aborted : .running
    for (index, (phase, message)) in phases.enumerated() {
      record.steps[index].phase = phase
      record.steps[index].message = message
    }
    return record
  }

  @Test func aDrillIsWrittenWhileItRunsAndThroughAnOutage() async throws {
    try await Self.run { transport, client, plan in
      let recorder = DrillRecorder(client: client, plan: plan, clock: SystemClock())
      recorder.start()
      recorder.show(Self.record(plan, [(.intended, "")]))
      let running: KubeObject = try await Self.drill(client) { $0.status["steps"][0]["phase"].string == "Running" }
      #expect(running.status["phase"].string == "Running")
      #expect(running.spec["runbook"].string == "production-loss")
      #expect(running.status["steps"].array.count == plan.steps.count)
      // The API goes away in the middle; nobody waits for it.
      transport.isAway.store(true, ordering: .releasing)
      recorder.show(Self.record(plan, [(.completed, "active in production"), (.failed, "no")]))
      transport.isAway.store(false, ordering: .releasing)
      let after: KubeObject = try await Self.drill(client) { $0.status["steps"][1]["phase"].string == "Failed" }
      #expect(after.status["steps"][0]["message"].string == "active in production")
      let measured: JSONValue = ["verdict": "failed", "rtoMilliseconds": 4_812.5, "lostWrites": 0]
      #expect(await recorder.finish(measured: measured) == nil)
      let ended: KubeObject = try await Self.drill(client) { $0.status["phase"].string == "Completed" }
      #expect(ended.status["verdict"].string == "failed")
      #expect(ended.status["lostWrites"].int == 0)
      #expect(ended.status["finishedAt"].string != nil)
      #expect(!recorder.isAborted)
    }
  }

  @Test func anEndThatCannotBeWrittenIsToldAndHoldsUpNobody() async throws {
    try await Self.run { transport, client, plan in
      transport.isAway.store(true, ordering: .releasing)
      let recorder = DrillRecorder(client: client, plan: plan, clock: SystemClock())
      recorder.start()
      let problem: String? = await recorder.finish(measured: ["verdict": "passed"], patience: .milliseconds(250))
      #expect(problem?.contains("nobody answers") == true)
    }
  }

  @Test func aDrillThatWasStoppedSaysSo() async throws {
    try await Self.run { _, client, plan in
      let recorder = DrillRecorder(client: client, plan: plan, clock: SystemClock())
      recorder.start()
      let drill: KubeObject = try await Self.drill(client) { $0.status["phase"].string == "Running" }
      // Whoever stops the drill stops its run.
      _ = try await client.patch(.drills, name: drill.name, type: .merge, ["spec": ["abort": true]])
      let start: ContinuousClock.Instant = .now
      while !recorder.isAborted, ContinuousClock.now - start < .seconds(20) { try await Task.sleep(for: .milliseconds(20)) }
      #expect(recorder.isAborted)
      recorder.show(Self.record(plan, [(.skipped, "the run was stopped")], aborted: true))
      #expect(await recorder.finish(measured: ["verdict": "failed"]) == nil)
      #expect(try await client.get(.drills, name: drill.name).status["phase"].string == "Aborted")
    }
  }
}
