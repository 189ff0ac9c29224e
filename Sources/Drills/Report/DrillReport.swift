import KubeModel
import Primitives

/// What a drill found, apart from how it is shown.
public struct DrillReport: Sendable {
  public enum Verdict: String, Sendable { case passed, failed }

  public var runbook: Runbook
  /// Name of the `Drill` object.
  public var drill: String = ""
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
  public var acknowledgedWrites: Int
  public var failedWrites: Int
  /// Nil if nobody could look.
  public var lostWrites: Int?
  public var facts: [String: JSONValue]
  public var steps: [DrillRunner.StepResult]
  /// Milliseconds after the fault (before it: negative).
  public var timeline: [(milliseconds: Double, name: String, center: String, detail: String)]
  /// Requests served and failed, and writes acknowledged, per quarter second around the fault.
  public var rates: [(milliseconds: Double, served: Int, failed: Int, written: Int)]

  init(context: DrillContext, results: [DrillRunner.StepResult], began: MonotonicTime, startedAt: WallTime) {
    let state: DrillContext.State = context.state.withLock { $0 }
    runbook = context.runbook
    simulated = context.faults.simulated
    self.startedAt = startedAt
    took = context.clock.now() - began
    let zero: MonotonicTime = state.faultBegan ?? began
    milestones = state.milestones.mapValues { ($0 - zero).inMilliseconds }
    let samples: [RequestProbe.Sample] = state.requests?.samples ?? []
    let written: [WriteProbe.Acknowledged] = state.writes?.acknowledged ?? []
    requests = samples.count
    failedRequests = samples.count { $0.center == nil }
    acknowledgedWrites = written.count
    failedWrites = state.writes?.failures.count ?? 0
    lostWrites = state.lostWrites
    facts = state.facts
    steps = results
    timeline = state.timeline.sorted { $0.at < $1.at }.map { (($0.at - zero).inMilliseconds, $0.name, $0.center, $0.detail) }
    rates = Self.rates(samples, written, zero)
    deviations = []
    if state.requests?.isFull == true { deviations.append("The client ended after \(requests) requests, as many as can be noted.") }
    if state.writes?.isFull == true { deviations.append("The writers ended after \(acknowledgedWrites) writes, as many as can be noted.") }
    verdict = .passed
    judge()
  }

  /// Somebody stopped it: what it did not get to is not shown.
  mutating func stopped() {
    deviations.append("The drill was stopped before its end (spec.abort).")
    verdict = .failed
  }

  private mutating func judge() {
    for step in steps where step.outcome == .failed { deviations.append("\(step.step.title): \(step.message)") }
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
    compare("firstWrite", runbook.objectives.firstWrite, "The first acknowledged write")
    compare("firstRequest", runbook.objectives.rto, "The first served request")
    if let allowed: Int = runbook.objectives.lostWrites {
      if let lostWrites {
        if lostWrites > allowed { deviations.append("\(lostWrites) acknowledged writes are lost.") }
      } else {
        deviations.append("Nobody could look whether acknowledged writes are lost.")
      }
      if acknowledgedWrites == 0 { deviations.append("No write was acknowledged, so none could be lost: nothing was shown.") }
    }
    verdict = deviations.isEmpty ? .passed : .failed
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
    return (max(first, -8)...max(last, max(first, -8))).prefix(240).map { index in
      let found: (served: Int, failed: Int, written: Int) = buckets[index] ?? (0, 0, 0)
      return (Double(index) * 250, found.served, found.failed, found.written)
    }
  }
}
