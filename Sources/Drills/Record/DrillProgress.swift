import KubeModel
import Primitives

/// Where a drill stands, as a value: what the `Drill` object's status says.
struct DrillProgress: Sendable {
  private let plan: RunPlan
  private let startedAt: WallTime
  private var record: RunRecord
  private var final: JSONValue?

  init(_ plan: RunPlan, startedAt: WallTime) {
    self.plan = plan
    self.startedAt = startedAt
    record = RunRecord(plan)
  }

  mutating func show(_ record: RunRecord) { self.record = record }
  /// More than a renewal of the runner's lease.
  func isNews(_ record: RunRecord) -> Bool { record.phase != self.record.phase || record.steps != self.record.steps }

  /// The drill is over. `measured` goes into the status as it is.
  mutating func onEnd(measured: JSONValue, at time: WallTime) {
    var measured: JSONValue = measured
    measured["finishedAt"] = .string(time.rfc3339Micro)
    final = measured
  }

  private var phase: String {
    if final != nil { return record.phase == .aborted ? "Aborted" : "Completed" }
    let busy: [Int] = record.steps.indices.filter { [.intended, .running, .retrying].contains(record.steps[$0].phase) }
    if record.phase == .restoring || busy.contains(where: { plan.steps[$0].always }) { return "Restoring" }
    return busy.contains { plan.steps[$0].call.action.hasPrefix("verify.") } ? "Verifying" : "Running"
  }

  var status: JSONValue {
    var status: JSONValue = final ?? [:]
    status["phase"] = .string(phase)
    status["startedAt"] = .string(startedAt.rfc3339Micro)
    status["steps"] = .array(
      record.steps.map { step in
        var json: JSONValue = ["name": .string(step.name), "phase": .string(Self.word(step.phase))]
        if let began = step.startedAt { json["startedAt"] = .string(began.rfc3339Micro) }
        if let ended = step.finishedAt { json["finishedAt"] = .string(ended.rfc3339Micro) }
        if !step.message.isEmpty { json["message"] = .string(String(step.message.prefix(DrillLimits.messageCharacters))) }
        return json
      })
    return status
  }

  private static func word(_ phase: RunRecord.StepPhase) -> String {
    switch phase {
    case .pending, .waiting: "Pending"
    case .intended, .running, .retrying, .compensating: "Running"
    case .completed: "Completed"
    case .failed, .uncompensated: "Failed"
    case .skipped: "Skipped"
    case .compensated: "Compensated"
    }
  }
}

extension DrillReport {
  /// What of a report the `Drill` object keeps; `hash`: SHA-256 of the whole.
  func measured(hash: String) -> JSONValue {
    var status: JSONValue = [
      "verdict": .string(verdict.rawValue), "reportHash": .string(hash), "acknowledgedWrites": .int(Int64(acknowledgedWrites)),
      "failedRequests": .int(Int64(failedRequests)),
      "message": .string(
        String(
          (deviations.isEmpty ? "Every objective was attained." : deviations.joined(separator: " ")).prefix(DrillLimits.messageCharacters))),
    ]
    if let lostWrites { status["lostWrites"] = .int(Int64(lostWrites)) }
    func tenths(_ value: Double) -> JSONValue { .double((value * 10).rounded() / 10) }
    if let value: Double = milestones["firstRequest"] { status["rtoMilliseconds"] = tenths(value) }
    if let value: Double = milestones["firstWrite"] { status["firstWriteMilliseconds"] = tenths(value) }
    let events = timeline.filter { $0.name != "step" }.prefix(DrillLimits.recordedTimelineEntries)
    status["timeline"] = .array(
      events.map { entry in
        [
          "milliseconds": tenths(entry.milliseconds), "name": .string(entry.name), "center": .string(entry.center),
          "message": .string(entry.detail),
        ]
      })
    return status
  }
}
