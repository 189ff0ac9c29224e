import KubeModel
import Primitives

/// Where a drill stands, as a value: what the `Drill` object's status says.
struct DrillProgress: Sendable {
  private struct Step: Sendable {
    var id: String
    var phase: String = "Pending"
    var began: WallTime?
    var ended: WallTime?
    var message: String = ""
  }
  private let actions: [(action: String, always: Bool)]
  private let startedAt: WallTime
  private var steps: [Step]
  private var phase: String = "Running"
  private var final: JSONValue = [:]

  init(_ runbook: Runbook, startedAt: WallTime) {
    actions = runbook.steps.map { ($0.action, $0.always) }
    steps = runbook.steps.map { Step(id: $0.id) }
    self.startedAt = startedAt
  }

  mutating func onBegin(_ index: Int, at time: WallTime) {
    steps[index].phase = "Running"
    steps[index].began = time
    phase = actions[index].always ? "Restoring" : actions[index].action.hasPrefix("verify.") ? "Verifying" : "Running"
  }

  mutating func onEnd(_ index: Int, _ outcome: DrillRunner.StepResult.Outcome, _ message: String, at time: WallTime) {
    steps[index].phase =
      switch outcome {
      case .passed: "Completed"
      case .failed: "Failed"
      case .skipped: "Skipped"
      }
    if outcome != .skipped { steps[index].ended = time }
    steps[index].message = String(message.prefix(DrillLimits.messageCharacters))
  }

  /// The drill is over. `measured` goes into the status as it is.
  mutating func onEnd(aborted: Bool, measured: JSONValue, at time: WallTime) {
    phase = aborted ? "Aborted" : "Completed"
    final = measured
    final["finishedAt"] = .string(time.rfc3339Micro)
  }

  var status: JSONValue {
    var status: JSONValue = final
    status["phase"] = .string(phase)
    status["startedAt"] = .string(startedAt.rfc3339Micro)
    status["steps"] = .array(
      steps.map { step in
        var json: JSONValue = ["name": .string(step.id), "phase": .string(step.phase)]
        if let began = step.began { json["startedAt"] = .string(began.rfc3339Micro) }
        if let ended = step.ended { json["finishedAt"] = .string(ended.rfc3339Micro) }
        if !step.message.isEmpty { json["message"] = .string(step.message) }
        return json
      })
    return status
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
