import KubeClient
import KubeModel
import NIOPosix
import Primitives
import Site
import Synchronization
import Testing

@testable import Drills

/// Faults that end when nobody renews them, in memory.
final class LeasedFaults: FaultInjector {
  private struct State {
    var held: [String: FaultHandle] = [:]
    var begun: [String] = []
    var renewals: Int = 0
    var undone: Int = 0
  }
  private let state: Mutex<State> = Mutex(State())
  private let clock = SystemClock()

  var begun: [String] { state.withLock { $0.begun } }
  var renewals: Int { state.withLock { $0.renewals } }
  var undone: Int { state.withLock { $0.undone } }

  func lose(_ center: CenterName) async throws -> String { throw DrillError(.refused, "no power here") }
  func giveBack(_ center: CenterName) async throws -> String { throw DrillError(.refused, "no power here") }
  func state(of center: CenterName) async throws -> CenterPower { .whole }
  func inject(_ fault: FaultSpec, id: String) async throws -> FaultHandle {
    let handle = FaultHandle(id: id, fault: fault, sentence: "broken", until: clock.now() + fault.lease)
    state.withLock { state in
      state.held[id] = handle
      state.begun.append(id)
    }
    return handle
  }
  func renew(_ handle: FaultHandle) async throws -> FaultHandle {
    var known: FaultHandle = handle
    known.until = clock.now() + handle.fault.lease
    return state.withLock { state in
      state.renewals += 1
      state.held[handle.id] = known
      return known
    }
  }
  func undo(_ handle: FaultHandle) async throws -> String {
    state.withLock { state in
      state.undone += 1
      state.held[handle.id] = nil
    }
    return "mended"
  }
  func faults() async throws -> [FaultHandle] {
    let now: MonotonicTime = clock.now()
    return state.withLock { $0.held.values.filter { $0.until > now } }
  }
  func residentBytes(_ host: HostName) -> Int? { nil }
  var simulated: [String] { [] }
}

/// The life of a fault under real runners and a real apiserver in memory.
@Suite struct FaultRunTests {
  static let text = """
    id: x
    title: X
    cluster: bank
    steps:
      - id: cut
        title: Cut
        action: fault.inject
        inputs: { kind: cut-link, target: production <-> local-dr, lease: 600ms }
        timeout: 30s
        compensation: { action: fault.end }
      - id: gate
        title: Gate
        action: object.wait
        inputs: { object: v1/ConfigMap/default/gate }
        timeout: 60s
      - { id: mend, title: Mend, action: fault.end, inputs: { step: cut }, timeout: 30s }
    """

  private func run(_ stage: RunStage, _ faults: LeasedFaults, _ number: Int) async throws -> Task<RunShell.Outcome, Never> {
    let object: KubeObject = try await RunStore(client: stage.client).get("run")
    let plan: RunPlan = try RunStore.plan(object, site: stage.site)
    let context = DrillContext(
      site: stage.site, plan: plan, faults: faults, clientTLS: nil, group: MultiThreadedEventLoopGroup.singleton, client: stage.client,
      tell: { _ in })
    var configuration = RunShell.Configuration(holder: "runner-\(number)")
    configuration.lease = .milliseconds(800)
    let shell = RunShell(plan: plan, object: object, context: context, configuration: configuration)
    return Task { await shell.run() }
  }

  private func eventually(_ what: String, _ check: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !check() {
      guard ContinuousClock.now < deadline else {
        Issue.record("\(what) did not come")
        return
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  @Test func lastsWhileARunnerLivesAndEndsByItselfWhenItDies() async throws {
    try await RunStage.with { stage in
      let faults = LeasedFaults()
      let runbook: Runbook = try RunbookReader.parse(Self.text, file: "x.yaml", files: .carried([:]), site: stage.site)
      let plan = try RunPlan(runbook, run: "run", site: stage.site)
      _ = try await RunStore(client: stage.client).create(plan, siteHash: "")
      let first = try await run(stage, faults, 1)
      try await eventually("renewals") { faults.renewals >= 4 }
      #expect(try await faults.faults().map(\.id) == [InjectedFaults.id("run/cut", 0)])
      // The runner dies: the fault does so too, and is there again when another one has taken the run over.
      first.cancel()
      _ = await first.value
      try await eventually("its end") { try await faults.faults().isEmpty }
      #expect(faults.begun.count == 1)
      _ = try await RunStore(client: stage.client).whenFree("run", clock: SystemClock(), patience: .seconds(20))
      let second = try await run(stage, faults, 2)
      try await eventually("the fault again") { try await faults.faults().count == 1 }
      let gate = KubeObject(["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "gate", "namespace": "default"]])
      _ = try await stage.client.create(.configMaps, gate)
      guard case .ended(let record, _) = await second.value else {
        Issue.record("another runner has it")
        return
      }
      #expect(record.verdict == .passed, "\(record.message)")
      #expect(try await faults.faults().isEmpty && faults.begun.count == 2 && faults.undone == 1)
    }
  }
}
