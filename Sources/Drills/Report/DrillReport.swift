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
  /// From the end of the last step to this report, before it was sealed; nil where nobody measured it.
  public private(set) var reportedAfter: Duration?
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

  /// Who measured what, and what nobody saw.
  var observation: Observation
  /// Milestones that came then at the latest: who saw them began to look after the event.
  var bounds: Set<String>
  /// The time that milliseconds are counted from, on this host's clock.
  var event: WallTime

  init(context: DrillContext, object: KubeObject, record: RunRecord, took: Duration) {
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
    let parts: [MeasuredPart] = state.earlier + (context.ownPart.map { [$0] } ?? [])
    requests = parts.reduce(0) { $0 + ($1.requests?.count ?? 0) }
    failedRequests = parts.reduce(0) { $0 + ($1.requests?.failed ?? 0) }
    acknowledgedWrites = parts.reduce(0) { $0 + ($1.writes?.count ?? 0) }
    failedWrites = parts.reduce(0) { $0 + ($1.writes?.failed ?? 0) }
    bounds = state.bounds
    observation = Observation(
      parts,
      changes: context.plan.steps.indices.filter { context.plan.steps[$0].effect == .changes }.map { index in
        (context.plan.steps[index].id, record.steps[index].startedAt, record.steps[index].finishedAt)
      })
    companions = state.companions.map { companion in
      var found = CompanionFinding(companion, fault: state.faultBegan)
      // The step that begins a session ends after it has; a session that is younger is another runner's.
      let index: Int? = context.plan.steps.firstIndex { $0.call.inputs["as"] == companion.name }
      let ended: WallTime? = index.flatMap { record.steps[$0].finishedAt }
      found.isBegunAnew = ended.map { wall.adding(companion.probe.began - now).since($0) > .zero } ?? false
      return found
    }
    lostWrites = state.lostWrites
    facts = state.facts
    rpo = state.rpo
    let event: WallTime = wall.adding(zero - now)
    self.event = event
    steps = context.plan.steps.enumerated().map { index, step in Self.result(step, record.steps[index], event: event) }
    timeline = state.timeline.sorted { $0.at < $1.at }.map { (($0.at - zero).inMilliseconds, $0.name, $0.center, $0.detail) }
    rates = Self.rates(samples, written, zero)
    self.samples = state.samples.map { (($0.at - zero).inMilliseconds, $0.ready, $0.lagEntries) }
    requestTimes = samples.filter { $0.center != nil }.map { ($0.ended - $0.began).inMilliseconds }.sorted()
    longestGap = parts.compactMap(\.requests?.longestGap).max() ?? 0
    writePause = parts.compactMap(\.writes?.longestPause).max() ?? 0
    lastRevision = parts.compactMap(\.writes?.lastRevision).max()
    deviations = []
    if state.requests?.isFull == true { deviations.append("The client ended after \(requests) requests, as many as can be noted.") }
    if state.writes?.isFull == true { deviations.append("The writers ended after \(acknowledgedWrites) writes, as many as can be noted.") }
    verdict = .passed
    judge()
  }

  private static func result(_ step: RunPlan.Step, _ found: RunRecord.Step, event: WallTime) -> DrillRunner.StepResult {
    let outcome: DrillRunner.StepResult.Outcome =
      found.hasFailed ? .failed : [.completed, .compensated, .uncompensated].contains(found.phase) ? .passed : .skipped
    let took: Duration = found.finishedAt.flatMap { end in found.startedAt.map { end.since($0) } } ?? .zero
    return DrillRunner.StepResult(
      step: step, outcome: outcome, began: found.startedAt.map { $0.since(event).inMilliseconds }, took: took,
      message: found.message, phase: found.phase, evidence: found.evidence)
  }

  /// A report that comes late is a deviation of its own: whoever waits for it decides by it.
  mutating func judge(reportedAfter: Duration) {
    self.reportedAfter = reportedAfter
    guard reportedAfter > DrillLimits.reportWithin else { return }
    deviations.append(
      "The report was made \(Int(reportedAfter.inMilliseconds)) ms after the end of the last step, and "
        + "\(DrillLimits.reportWithin.components.seconds) s are allowed.")
    if verdict == .passed { verdict = .failed }
  }

  private mutating func judge() {
    if record.phase == .aborted { deviations.append("The drill was stopped before its end (spec.abort).") }
    for step in steps where step.outcome == .failed { deviations.append("\(step.step.title): \(step.message)") }
    judgeObjectives()
    let hasFailed: Bool = !deviations.isEmpty || record.verdict != .passed
    // What nobody saw is neither attained nor missed.
    let unseen: [String] = plan.mode == .live ? lateMilestones + observation.missing(for: runbook.objectives) + lateCompanions : []
    deviations += unseen
    verdict = record.verdict == .inconclusive ? .inconclusive : hasFailed ? .failed : unseen.isEmpty ? .passed : .inconclusive
  }

  /// Companions' measurements are not kept for the next runner.
  private var lateCompanions: [String] {
    companions.filter { $0.isBegunAnew && $0.objective != .init() }.map {
      "The client \($0.name) was begun anew by runner \(record.runner.epoch): what it had seen under the runner before is not in this report."
    }
  }

  /// Those beyond their objective that may have come in time, before anybody looked.
  private var lateMilestones: [String] {
    let wanted: [(String, Duration?, String)] = [
      ("firstWrite", runbook.objectives.firstWrite, "The first acknowledged write"),
      ("firstRequest", runbook.objectives.rto, "The first served request"),
      ("endpointsGone", runbook.objectives.endpointsGone, "The end of the last answer or rule that led to the lost center"),
    ]
    return wanted.compactMap { milestone, objective, what in
      guard let objective, let attained: Double = milestones[milestone], bounds.contains(milestone), attained > objective.inMilliseconds
      else { return nil }
      return "\(what) came \(Int(attained)) ms after the event at the latest, and the objective is \(Int(objective.inMilliseconds)) ms: "
        + "the runner that saw it had begun to look only after the event."
    }
  }

  /// Only a run that is meant can attain anything.
  private mutating func judgeObjectives() {
    guard plan.mode == .live || plan.mode == .isolated else { return }
    func compare(_ milestone: String, _ objective: Duration?, _ what: String) {
      guard let objective else { return }
      guard let attained: Double = milestones[milestone] else {
        deviations.append("\(what) was not measured.")
        return
      }
      if attained > objective.inMilliseconds, !bounds.contains(milestone) {
        deviations.append("\(what) took \(Int(attained)) ms, more than the objective of \(Int(objective.inMilliseconds)) ms.")
      }
    }
    if let wanted: Runbook.Level = runbook.objectives.level, attainedLevel.map({ $0.number < wanted.number }) ?? true {
      deviations.append(
        "Level \(wanted.number) of \(wanted.profile) was not attained: \(attainedLevel.map { "level \($0.number) was" } ?? "none was").")
    }
    compare("firstWrite", runbook.objectives.firstWrite, "The first acknowledged write")
    compare("firstRequest", runbook.objectives.rto, "The first served request")
    compare("endpointsGone", runbook.objectives.endpointsGone, "The last answer or rule that led to the lost center")
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
  static func longestGap(_ moments: [MonotonicTime]) -> Double {
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
