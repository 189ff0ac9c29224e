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

  private static func run(_ body: (ShakyTransport, KubeClient, Runbook) async throws -> Void) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let api = APIServer(
      configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1, logger: logger), store: LocalKeyspace())
    try await api.start()
    let transport = ShakyTransport(
      InProcessTransport(responder: api, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"])))
    let runbook: Runbook = try RunbookReader.read(
      path: RunbookTests.root + "/runbooks/production-loss.yaml", site: RunbookTests.site())
    do {
      try await body(transport, KubeClient(transport: transport, fieldManager: "test"), runbook)
    } catch {
      Issue.record(error)
    }
    api.stop()
  }

  private static func drill(_ client: KubeClient, until holds: (KubeObject) -> Bool) async throws -> KubeObject {
    let start: ContinuousClock.Instant = .now
    while true {
      if let found: KubeObject = try await client.list(.drills).items.first, holds(found) { return found }
      guard ContinuousClock.now - start < .seconds(20) else { throw DrillError(.timeout, "the drill's object never came to that") }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  private static func result(_ step: Runbook.Step, _ outcome: DrillRunner.StepResult.Outcome, _ message: String) -> DrillRunner.StepResult {
    DrillRunner.StepResult(step: step, outcome: outcome, began: SystemClock().now(), took: .milliseconds(5), message: message)
  }

  @Test func aDrillIsWrittenWhileItRunsAndThroughAnOutage() async throws {
    try await Self.run { transport, client, runbook in
      let recorder = DrillRecorder(client: client, runbook: runbook, run: "a", clock: SystemClock())
      recorder.start()
      recorder.begin(0)
      let running: KubeObject = try await Self.drill(client) { $0.status["steps"][0]["phase"].string == "Running" }
      #expect(running.status["phase"].string == "Running")
      #expect(running.spec["runbook"].string == "production-loss")
      #expect(running.status["steps"].array.count == runbook.steps.count)
      // The API goes away in the middle; nobody waits for it.
      transport.isAway.store(true, ordering: .releasing)
      recorder.end(0, Self.result(runbook.steps[0], .passed, "active in production"))
      recorder.begin(1)
      recorder.end(1, Self.result(runbook.steps[1], .failed, "no"))
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
    try await Self.run { transport, client, runbook in
      transport.isAway.store(true, ordering: .releasing)
      let recorder = DrillRecorder(client: client, runbook: runbook, run: "b", clock: SystemClock())
      recorder.start()
      let problem: String? = await recorder.finish(measured: ["verdict": "passed"], patience: .milliseconds(250))
      #expect(problem?.contains("nobody answers") == true)
    }
  }

  @Test func somebodyMayStopADrill() async throws {
    try await Self.run { _, client, runbook in
      let recorder = DrillRecorder(client: client, runbook: runbook, run: "c", clock: SystemClock())
      recorder.start()
      let drill: KubeObject = try await Self.drill(client) { $0.status["phase"].string == "Running" }
      _ = try await client.patch(.drills, name: drill.name, type: .merge, ["spec": ["abort": true]])
      let start: ContinuousClock.Instant = .now
      while !recorder.isAborted, ContinuousClock.now - start < .seconds(20) { try await Task.sleep(for: .milliseconds(20)) }
      #expect(recorder.isAborted)
      #expect(await recorder.finish(measured: ["verdict": "failed"]) == nil)
      #expect(try await client.get(.drills, name: drill.name).status["phase"].string == "Aborted")
    }
  }
}
