import Drills
import KubeModel
import Primitives

/// Runs as people read them.
enum RunText {
  static func table(_ runs: [KubeObject], wide: Bool, now: WallTime) -> TextTable {
    var table = TextTable(
      ["NAME", "RUNBOOK", "MODE", "PHASE", "STEPS", "NOW", "VERDICT", "AGE"] + (wide ? ["RUNNER", "EPOCH", "BY", "MESSAGE"] : []))
    table.rows = runs.map { run in
      let steps: [JSONValue] = run.status["steps"].array
      let over: Int = steps.count { isOver($0) }
      let busy: [String] = steps.filter { !isOver($0) && $0["phase"].string != "Pending" }.compactMap { $0["name"].string }
      let cells: [String] = [
        run.name, run.spec["runbook"].string ?? "", run.spec["mode"].string ?? "", run.status["phase"].string ?? "Pending",
        "\(over)/\(steps.count)", busy.isEmpty ? "-" : busy.joined(separator: ","), verdict(run.status["verdict"].string),
        Age.text(run.metadata["creationTimestamp"], now),
      ]
      guard wide else { return cells }
      let runner: JSONValue = run.status["runner"]
      return cells + [
        runner["holder"].string.flatMap { $0.isEmpty ? nil : $0 } ?? "-", runner["epoch"].int.map(String.init) ?? "-",
        run.spec["requestedBy"].string ?? "", run.status["message"].string ?? "",
      ]
    }
    return table
  }

  /// One run, step by step.
  static func table(_ run: KubeObject, wide: Bool, now: WallTime) -> TextTable {
    var table = TextTable(["STEP", "PHASE", "TRIED", "TOOK"] + (wide ? ["KEY"] : []) + ["MESSAGE"])
    table.rows = run.status["steps"].array.map { step in
      let phase: String = step["phase"].string ?? "Pending"
      let mood: Terminal.Mood? =
        switch phase {
        case "Completed": .good
        case "Failed", "Uncompensated": .bad
        case "Pending", "Skipped": nil
        default: .uncertain
        }
      return [
        step["name"].string ?? "", mood.map { Terminal.output.painted(phase, $0) } ?? phase, step["attempts"].int.map(String.init) ?? "-",
        took(step, now),
      ] + (wide ? [step["idempotencyKey"].string ?? "-"] : []) + [step["message"].string ?? ""]
    }
    return table
  }

  static func summary(_ run: KubeObject) -> String {
    let runner: JSONValue = run.status["runner"]
    let holder: String = runner["holder"].string ?? ""
    var text = "\(run.name): \(run.status["phase"].string ?? "Pending")"
    if let found: String = run.status["verdict"].string { text += ", \(verdict(found))" }
    if let message: String = run.status["message"].string { text += ". \(message)" }
    if !holder.isEmpty { text += ", carried out by \(holder) (epoch \(runner["epoch"].int ?? 0))" }
    if run.spec["abort"].bool == true, run.status["finishedAt"].string == nil { text += ", to be stopped" }
    return text
  }

  /// What of a status is worth showing again: not the renewals.
  static func steps(_ status: JSONValue) -> JSONValue {
    var copy: JSONValue = status
    copy["runner"]["renewedAt"] = .null
    return copy
  }

  static func ended(_ report: DrillReport) -> String {
    let lines: [String] = report.steps.map { result in
      let mark: String = result.outcome == .passed ? "ok  " : result.outcome == .failed ? "FAIL" : "skip"
      return "\(mark) \(result.step.id): \(result.message)"
    }
    return (lines + ["", "\(report.plan.run): \(report.record.message)"]).joined(separator: "\n")
  }

  private static func verdict(_ text: String?) -> String {
    switch text {
    case "passed": Terminal.output.painted("passed", .good)
    case "failed": Terminal.output.painted("failed", .bad)
    case let other?: Terminal.output.painted(other, .uncertain)
    case nil: "-"
    }
  }

  private static func isOver(_ step: JSONValue) -> Bool {
    step["phase"].string.flatMap(RunRecord.StepPhase.init)?.isOver ?? false
  }

  private static func took(_ step: JSONValue, _ now: WallTime) -> String {
    guard let began: WallTime = step["startedAt"].string.flatMap({ WallTime(rfc3339: $0) }) else { return "-" }
    let end: WallTime = step["finishedAt"].string.flatMap { WallTime(rfc3339: $0) } ?? now
    let milliseconds: Int64 =
      (end.secondsSince1970 - began.secondsSince1970) * 1_000 + Int64(end.nanoseconds - began.nanoseconds) / 1_000_000
    return Age.text(milliseconds: milliseconds)
  }
}
