import KubeModel
import Primitives

/// What a drill found, apart from how it is shown.
public struct DrillReport: Sendable {
  public typealias Verdict = RunRecord.Verdict

  public var plan: RunPlan
  public var record: RunRecord
  public var runbook: Runbook { plan.runbook }
  /// Name of the `Drill` object.
  public var drill: String = ""
  /// `json`, sealed if it could be.
  public var document: JSONValue = .null
  public var verdict: Verdict
  /// Sentences about everything that kept it from passing.
  public var deviations: [String]
  public var simulated: [String]
  public var startedAt: WallTime
  public var took: Duration
  /// Milliseconds after the fault: detection, election, activation, firstWrite, firstRequest.
  public var milestones: [String: Double]
  public var requests: Int
  public var failedRequests: Int
  /// What clients of other Services saw.
  public var companions: [CompanionFinding]
  public var acknowledgedWrites: Int
  public var failedWrites: Int
  /// Nil if nobody could look.
  public var lostWrites: Int?
  /// The time whose acknowledged writes are lost; nil if nobody could look.
  public var rpo: Duration?
  public var facts: [String: JSONValue]
  /// The run as the store has it: who began it, and the hash of the site file.
  public var object: KubeObject
  /// Milliseconds after the fault; ready pods per center, and what the last member lacks.
  public var samples: [(milliseconds: Double, ready: [String: Int], lag: Int64?)]
  public var requestTimes: [Double]
  public var longestGap: Double
  /// Milliseconds between two acknowledged writes, at most.
  public var writePause: Double
  /// The revision that the last acknowledged write got.
  public var lastRevision: Int64?
  public var steps: [DrillRunner.StepResult]
  /// Milliseconds after the fault (before it: negative).
  public var timeline: [(milliseconds: Double, name: String, center: String, detail: String)]
  /// Requests served and failed, and writes acknowledged, per quarter second around the fault.
  public var rates: [(milliseconds: Double, served: Int, failed: Int, written: Int)]

  /// - Parameter isResumed: a runner before this one took its measurements with it.
  init(context: DrillContext, object: KubeObject, record: RunRecord, took: Duration, isResumed: Bool) {
    let state: DrillContext.State = context.state.withLock { $0 }
    plan = context.plan
    self.record = record
    self.object = object
    simulated = context.faults.simulated
    let (now, wall): (MonotonicTime, WallTime) = (context.clock.now(), context.clock.wall())
    let start: WallTime = record.startedAt ?? wall
    startedAt = start
    self.took = record.finishedAt?.since(start) ?? took
    let began: MonotonicTime = now - wall.since(start)
    // Without a fault what a planned move counts from is when it was asked for.
    let zero: MonotonicTime = state.faultBegan ?? state.timeline.first { $0.name == "failover" }?.at ?? began
    milestones = state.milestones.mapValues { ($0 - zero).inMilliseconds }
    let samples: [RequestProbe.Sample] = state.requests?.samples ?? []
    let written: [WriteProbe.Acknowledged] = state.writes?.acknowledged ?? []
    requests = samples.count
    failedRequests = samples.count { $0.center == nil }
    companions = state.companions.map { CompanionFinding($0, fault: state.faultBegan) }
    acknowledgedWrites = written.count
    failedWrites = state.writes?.failures.count ?? 0
    lostWrites = state.lostWrites
    facts = state.facts
    rpo = state.rpo
    let event: WallTime = wall.adding(zero - now)
    steps = context.plan.steps.enumerated().map { index, step in Self.result(step, record.steps[index], event: event) }
    timeline = state.timeline.sorted { $0.at < $1.at }.map { (($0.at - zero).inMilliseconds, $0.name, $0.center, $0.detail) }
    rates = Self.rates(samples, written, zero)
    self.samples = state.samples.map { (($0.at - zero).inMilliseconds, $0.ready, $0.lagEntries) }
    requestTimes = samples.filter { $0.center != nil }.map { ($0.ended - $0.began).inMilliseconds }.sorted()
    longestGap = Self.longestGap(samples.filter { $0.center != nil }.map(\.ended))
    writePause = Self.longestGap(written.map(\.ended))
    lastRevision = written.compactMap(\.revision).max()
    deviations = []
    if state.requests?.isFull == true { deviations.append("The client ended after \(requests) requests, as many as can be noted.") }
    if state.writes?.isFull == true { deviations.append("The writers ended after \(acknowledgedWrites) writes, as many as can be noted.") }
    verdict = .passed
    judge()
    if isResumed, plan.steps.contains(where: { $0.effect == .session }) {
      deviations.append("The runner was replaced \(record.runner.epoch - 1) times: what was measured before is not in this report.")
      if verdict == .passed { verdict = .inconclusive }
    }
  }

  private static func result(_ step: RunPlan.Step, _ found: RunRecord.Step, event: WallTime) -> DrillRunner.StepResult {
    let outcome: DrillRunner.StepResult.Outcome =
      found.hasFailed ? .failed : [.completed, .compensated, .uncompensated].contains(found.phase) ? .passed : .skipped
    let took: Duration = found.finishedAt.flatMap { end in found.startedAt.map { end.since($0) } } ?? .zero
    return DrillRunner.StepResult(
      step: step, outcome: outcome, began: found.startedAt.map { $0.since(event).inMilliseconds }, took: took,
      message: found.message, phase: found.phase, evidence: found.evidence)
  }

  private mutating func judge() {
    if record.phase == .aborted { deviations.append("The drill was stopped before its end (spec.abort).") }
    for step in steps where step.outcome == .failed { deviations.append("\(step.step.title): \(step.message)") }
    judgeObjectives()
    verdict = record.verdict == .inconclusive ? .inconclusive : deviations.isEmpty && record.verdict == .passed ? .passed : .failed
  }

  /// Only a run that is meant can attain anything.
  private mutating func judgeObjectives() {
    guard plan.mode == .live else { return }
    func compare(_ milestone: String, _ objective: Duration?, _ what: String) {
      guard let objective else { return }
      guard let attained: Double = milestones[milestone] else {
        deviations.append("\(what) was not measured.")
        return
      }
      if attained > objective.inMilliseconds {
        deviations.append("\(what) took \(Int(attained)) ms, more than the objective of \(Int(objective.inMilliseconds)) ms.")
      }
    }
    if let wanted: Runbook.Level = runbook.objectives.level, attainedLevel.map({ $0.number < wanted.number }) ?? true {
      deviations.append(
        "Level \(wanted.number) of \(wanted.profile) was not attained: \(attainedLevel.map { "level \($0.number) was" } ?? "none was").")
    }
    compare("firstWrite", runbook.objectives.firstWrite, "The first acknowledged write")
    compare("firstRequest", runbook.objectives.rto, "The first served request")
    if let allowed: Int = runbook.objectives.failedRequests {
      if requests == 0 { deviations.append("No request was made, so none could fail: nothing was shown.") }
      if failedRequests > allowed { deviations.append("\(failedRequests) requests failed, more than the objective of \(allowed).") }
    }
    for companion in companions { deviations += companion.deviations }
    if let allowed: Duration = runbook.objectives.writePause {
      if acknowledgedWrites < 2 { deviations.append("Fewer than two writes were acknowledged: no pause between them was measured.") }
      if writePause > allowed.inMilliseconds {
        deviations.append("Writes paused for \(Int(writePause)) ms, more than the objective of \(Int(allowed.inMilliseconds)) ms.")
      }
    }
    if let allowed: Int = runbook.objectives.lostWrites {
      if let lostWrites {
        if lostWrites > allowed { deviations.append("\(lostWrites) acknowledged writes are lost.") }
      } else {
        deviations.append("Nobody could look whether acknowledged writes are lost.")
      }
      if acknowledgedWrites == 0 { deviations.append("No write was acknowledged, so none could be lost: nothing was shown.") }
    }
  }

  /// Milliseconds between two of these moments, at most.
  private static func longestGap(_ moments: [MonotonicTime]) -> Double {
    let sorted: [MonotonicTime] = moments.sorted()
    return zip(sorted, sorted.dropFirst()).map { ($1 - $0).inMilliseconds }.max() ?? 0
  }

  private static func rates(
    _ samples: [RequestProbe.Sample], _ written: [WriteProbe.Acknowledged], _ zero: MonotonicTime
  ) -> [(milliseconds: Double, served: Int, failed: Int, written: Int)] {
    let width: Int64 = 250_000_000
    var buckets: [Int64: (served: Int, failed: Int, written: Int)] = [:]
    func bucket(_ time: MonotonicTime) -> Int64 { Int64((Double((time - zero).inNanoseconds) / Double(width)).rounded(.down)) }
    for sample in samples {
      if sample.center == nil {
        buckets[bucket(sample.began), default: (0, 0, 0)].failed += 1
      } else {
        buckets[bucket(sample.ended), default: (0, 0, 0)].served += 1
      }
    }
    for write in written { buckets[bucket(write.ended), default: (0, 0, 0)].written += 1 }
    guard let first: Int64 = buckets.keys.min(), let last: Int64 = buckets.keys.max() else { return [] }
    return (max(first, -8)...max(last, max(first, -8))).prefix(DrillLimits.rateBuckets).map { index in
      let found: (served: Int, failed: Int, written: Int) = buckets[index] ?? (0, 0, 0)
      return (Double(index) * 250, found.served, found.failed, found.written)
    }
  }
}
