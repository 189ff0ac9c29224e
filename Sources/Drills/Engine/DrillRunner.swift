import KubeClient
import KubeModel
import Primitives
import TLS

/// Runs a runbook's steps in order, and records them in a `Drill` object. After a failed step, or when somebody sets the object's
/// `spec.abort`, only those marked `always` still run.
public struct DrillRunner: Sendable {
  public struct StepResult: Sendable {
    public enum Outcome: String, Sendable { case passed, failed, skipped }
    public var step: Runbook.Step
    public var outcome: Outcome
    public var began: MonotonicTime
    public var took: Duration
    public var message: String
  }

  let context: DrillContext
  public init(_ context: DrillContext) { self.context = context }

  public func run() async -> DrillReport {
    var results: [StepResult] = []
    let began: MonotonicTime = context.clock.now()
    let startedAt: WallTime = context.clock.wall()
    var failed: Bool = false
    let recorder = DrillRecorder(
      client: DrillContext.client(context.site.hosts, site: context.site, tls: context.clientTLS, group: context.group),
      runbook: context.runbook, run: String(UInt16.random(in: 0 ... .max), radix: 36), clock: context.clock)
    recorder.start()
    for (index, step) in context.runbook.steps.enumerated() {
      let result: StepResult
      let aborted: Bool = recorder.isAborted
      if failed || aborted, !step.always {
        result = StepResult(
          step: step, outcome: .skipped, began: context.clock.now(), took: .zero,
          message: failed ? "a step before it failed" : "the drill was stopped (spec.abort)")
      } else {
        recorder.begin(index)
        result = await run(step)
      }
      recorder.end(index, result)
      failed = failed || result.outcome == .failed
      results.append(result)
      let mark: String = result.outcome == .passed ? "ok  " : result.outcome == .failed ? "FAIL" : "skip"
      context.tell("\(mark) \(step.title): \(result.message) (\(Int(result.took.inMilliseconds)) ms)")
    }
    await context.stopProbes()
    await context.gatherFacts()
    var report = DrillReport(context: context, results: results, began: began, startedAt: startedAt)
    report.drill = recorder.name
    if recorder.isAborted { report.stopped() }
    // What a failed drill wrote stays: somebody will want to look at it.
    if report.verdict == .passed, let problem: String = await context.removeWrites() { context.tell(problem) }
    let hash: String = SHA256.hexadecimal(Bytes(report.json.serialized()))
    if let problem: String = await recorder.finish(measured: report.measured(hash: hash)) {
      context.tell("the outcome could not be written into drill \(recorder.name): \(problem)")
    }
    return report
  }

  private func run(_ step: Runbook.Step) async -> StepResult {
    let context: DrillContext = context
    let began: MonotonicTime = context.clock.now()
    func result(_ outcome: StepResult.Outcome, _ message: String) -> StepResult {
      StepResult(step: step, outcome: outcome, began: began, took: context.clock.now() - began, message: message)
    }
    guard let action: ActionDescription = ActionCatalog.actions[step.action] else { return result(.failed, "no such action") }
    var inputs: [String: String] = step.inputs
    inputs["timeoutNanoseconds"] = String(step.timeout.inNanoseconds)
    let wanted: [String: String] = inputs
    context.note("step", center: "", step.title)
    do {
      // The step watches its own deadline; this one is for a step that hangs.
      let message: String = try await withThrowingTaskGroup(of: String.self) { group in
        group.addTask { try await action.run(context, wanted) }
        group.addTask {
          try await Task.sleep(for: step.timeout + .seconds(5))
          throw DrillError(.timeout, "The step did not end within \(step.timeout).")
        }
        defer { group.cancelAll() }
        return try await group.next() ?? ""
      }
      return result(.passed, message)
    } catch {
      return result(.failed, "\(error)")
    }
  }
}

extension DrillContext {
  /// When a step that began now must be done.
  func deadline(_ inputs: [String: String]) -> MonotonicTime {
    clock.now() + .nanoseconds(inputs["timeoutNanoseconds"].flatMap { Int64($0) } ?? 30_000_000_000)
  }

  func stopProbes() async {
    let (requests, writes) = state.withLock { ($0.requests, $0.writes) }
    await requests?.stop()
    await writes?.stop()
  }

  /// Takes away the objects that the writers made. Returns what kept it from doing so.
  func removeWrites() async -> String? {
    guard let probe: WriteProbe = state.withLock({ $0.writes }) else { return nil }
    var client: KubeClient = client
    // Hundreds of objects, one by one at the server.
    client.requestTimeout = .seconds(60)
    do {
      try await client.deleteCollection(.configMaps, namespace: probe.namespace, labelSelector: probe.selector)
      return nil
    } catch {
      return "the writers' objects could not be removed (kubectl -n \(probe.namespace) delete configmaps -l \(probe.selector)): \(error)"
    }
  }

  /// Memory of the centers' daemons, once the drill is over.
  func gatherFacts() async {
    for host in site.hosts {
      if let bytes: Int = faults.residentBytes(host.name) {
        state.withLock { $0.facts["residentMiB.\(host.name)"] = .double((Double(bytes) / 1_048_576 * 10).rounded() / 10) }
      }
    }
  }
}
