import KubeClient
import KubeModel
import Primitives
import TLS

/// Runs a plan as a drill: its run in the store, a `Drill` object that people watch, probes, milestones and the report.
public struct DrillRunner: Sendable {
  public struct StepResult: Sendable {
    public enum Outcome: String, Sendable { case passed, failed, skipped }
    public var step: RunPlan.Step
    public var outcome: Outcome
    /// Milliseconds after the fault; nil if it did not begin.
    public var began: Double?
    public var took: Duration
    public var message: String
    public var phase: RunRecord.StepPhase
    public var evidence: [String: String] = [:]
  }

  let context: DrillContext
  let actions: ActionCatalog
  /// What reports are signed with; nil leaves them unsealed.
  let signer: TLSIdentity?
  public init(_ context: DrillContext, actions: ActionCatalog = .standard, signer: TLSIdentity? = nil) {
    self.context = context
    self.actions = actions
    self.signer = signer
  }

  /// - Parameters:
  ///   - object: the run, made and free.
  ///   - recorded: also as a `Drill` object.
  ///   - onReport: called with the sealed report, before the run's traces are taken away.
  /// Nil when another runner took the run over.
  public func run(
    _ object: KubeObject, configuration: RunShell.Configuration, recorded: Bool,
    onChange: @escaping @Sendable (RunRecord) -> Void = { _ in }, onReport: (DrillReport) -> Void = { _ in }
  ) async -> DrillReport? {
    let began: MonotonicTime = context.clock.now()
    let client: KubeClient = context.client
    let recorder: DrillRecorder? =
      recorded ? DrillRecorder(client: client, plan: context.plan, clock: context.clock) : nil
    recorder?.start()
    let sampler = ClusterSampler(context: context)
    sampler.start()
    let progress = RunProgress(context: context)
    let shell = RunShell(
      plan: context.plan, object: object, context: context, actions: actions, configuration: configuration, client: client
    ) { record in
      progress.show(record)
      recorder?.show(record)
      onChange(record)
    }
    // Whoever stops the drill stops its run.
    let stopping = Task {
      while !Task.isCancelled {
        if recorder?.isAborted == true, (try? await RunStore(client: client).abort(context.plan.run)) != nil { return }
        try? await Task.sleep(for: DrillLimits.abortLook)
      }
    }
    let outcome: RunShell.Outcome = await shell.run()
    let ended: MonotonicTime = context.clock.now()
    stopping.cancel()
    await context.stopProbes()
    // Nobody renews a copy that is still there: it ends itself.
    _ = try? await context.copy?.release(into: context)
    await context.copy?.stopMeasuring()
    await sampler.stop()
    guard case .ended(let record, let problem) = outcome else {
      if case .lost(let other) = outcome { context.tell("another runner took the run over: \(other)") }
      await recorder?.stop()
      return nil
    }
    if let problem { context.tell("the end of run \(context.plan.run) could not be stored: \(problem)") }
    await context.gatherFacts()
    var report = DrillReport(
      context: context, object: object, record: record, took: context.clock.now() - began)
    report.drill = recorder?.name ?? ""
    report.judge(reportedAfter: context.clock.now() - ended)
    report.document = report.json
    if let signer {
      do {
        report.document = try await ReportChain(client: client).append(report.json, run: context.plan.run, by: signer)
        try await note(report.document, client)
      } catch {
        context.tell("the report could not be put into the chain of reports: \(error)")
      }
    }
    onReport(report)
    context.tell("the report was there \(Int((context.clock.now() - ended).inMilliseconds)) ms after the end of the last step")
    // What a failed drill wrote stays: somebody will want to look at it. Hundreds of objects take a while, and nobody waits for that.
    if report.verdict == .passed, let problem: String = await context.removeWrites() { context.tell(problem) }
    let hash: String = ReportSeal.hash(report.document)
    if let recorder, let problem: String = await recorder.finish(measured: report.measured(hash: hash)) {
      context.tell("the outcome could not be written into drill \(recorder.name): \(problem)")
    }
    try? await RunStore(client: client).forgetOldOnes()
    return report
  }

  /// The run says which report is its own.
  private func note(_ document: JSONValue, _ client: KubeClient) async throws {
    try await retryOnConflict {
      var object: KubeObject = try await client.get(.runbookRuns, name: context.plan.run)
      object.json["status"]["reportHash"] = document["seal"]["hash"]
      object.json["status"]["reportSequence"] = document["seal"]["sequence"]
      _ = try await client.update(.runbookRuns, object, subresource: "status")
    }
  }
}

/// Tells people of every step that is over.
final class RunProgress: Sendable {
  private let context: DrillContext
  private let shown: Told = Told()

  init(context: DrillContext) { self.context = context }

  func show(_ record: RunRecord) {
    for (index, step) in record.steps.enumerated() where shown.isNew(index, step.phase) {
      let title: String = context.plan.steps[index].title
      let took: Int = step.finishedAt.flatMap { end in step.startedAt.map { Int(end.since($0).inMilliseconds) } } ?? 0
      switch step.phase {
      case .completed: context.tell("ok   \(title): \(step.message) (\(took) ms)")
      case .failed: context.tell("FAIL \(title): \(step.message) (\(took) ms)")
      case .skipped: context.tell("skip \(title): \(step.message)")
      case .compensated: context.tell("undo \(title): \(step.message)")
      case .uncompensated: context.tell("UNDO \(title): \(step.message)")
      case .waiting:
        let approval: Runbook.Approval? = context.plan.steps[index].approval
        context.tell(
          "wait \(title): \(approval?.needed ?? 1) of \(approval?.roles.joined(separator: ", ") ?? "") must approve: "
            + "tricenter runbook approve \(context.plan.run) \(step.name)")
      case .retrying: context.tell("wait \(title): tried again, \(step.message)")
      case .intended, .running: context.note("step", center: "", title)
      case .pending, .compensating: break
      }
    }
  }
}
