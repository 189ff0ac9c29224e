import KubeModel
import Primitives

/// The plan as people look at it before a run: which step waits for which, what changes something, who must agree, how long it is
/// expected to take. Steps of one column begin side by side.
public enum PlanDrawing {
  public static func text(_ plan: RunPlan) -> String {
    let (time, path) = plan.criticalPath
    var lines: [String] = [
      "\(plan.runbook.title)\(plan.variant.isEmpty ? "" : ", variant \(plan.variant)"), \(plan.mode.rawValue)",
      "expected (75 of 100 runs) \(time.runbookText) on the longest path, at most \(longest(plan).runbookText); \(plan.steps.count) steps",
      "",
    ]
    let expected: [String] = plan.steps.map { $0.expected?.runbookText ?? "-" }
    let widths: (id: Int, expected: Int) = (plan.steps.map(\.id.count).max() ?? 0, expected.map(\.count).max() ?? 1)
    let arrows: [String] = rails(plan)
    let railWidth: Int = arrows.map(\.count).max() ?? 0
    for (index, step) in plan.steps.enumerated() {
      let rail: String = pad(arrows[index], railWidth)
      let mark: String = path.contains(index) && path.count > 1 ? "*" : " "
      lines.append(
        "\(rail)\(mark) \(pad(step.id, widths.id))  \(pad(expected[index], widths.expected)) of \(pad(step.call.timeout.runbookText, 5))  \(step.title)"
      )
      let indent: String = pad(String(arrows[index].map { "│┬├┼".contains($0) ? "│" : " " }), railWidth) + "  "
      for note in notes(step, plan) { lines.append(indent + pad("", widths.id) + "    " + note) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  public static func json(_ plan: RunPlan) -> JSONValue {
    let (time, path) = plan.criticalPath
    let steps: [JSONValue] = plan.steps.map { step in
      [
        "id": .string(step.id), "title": .string(step.title), "action": .string(step.call.action), "inputs": JSONValue(step.call.inputs),
        "changes": .bool(step.effect == .changes), "dependsOn": .array(step.dependsOn.map { .string(plan.steps[$0].id) }),
        "expected_ms": step.expected.map { .double($0.inMilliseconds) } ?? .null, "timeout_ms": .double(step.call.timeout.inMilliseconds),
        "idempotencyKey": step.effect == .changes ? .string(step.key) : .null,
      ]
    }
    return [
      "runbook": .string(plan.runbook.id), "variant": .string(plan.variant), "mode": .string(plan.mode.rawValue),
      "parameters": JSONValue(plan.values), "expected_ms": .double(time.inMilliseconds),
      "longest_ms": .double(longest(plan).inMilliseconds),
      "longest_path": .array(path.map { .string(plan.steps[$0].id) }), "steps": .array(steps),
    ]
  }

  private static func notes(_ step: RunPlan.Step, _ plan: RunPlan) -> [String] {
    var notes: [String] = []
    let inputs: String = step.call.inputs.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    notes.append("\(step.effect == .changes ? "CHANGES " : "")\(step.call.action) \(inputs)")
    if !step.dependsOn.isEmpty { notes.append("after \(step.dependsOn.map { plan.steps[$0].id }.joined(separator: ", "))") }
    for call in step.preconditions { notes.append("only if \(call.action) \(call.inputs.values.sorted().joined(separator: " "))") }
    for call in step.postconditions { notes.append("then \(call.action) \(call.inputs.values.sorted().joined(separator: " "))") }
    if let approval = step.approval {
      notes.append("\(approval.needed) of \(approval.roles.joined(separator: ", ")) must approve within \(approval.timeout.runbookText)")
    }
    if step.retry.attempts > 1 { notes.append("up to \(step.retry.attempts) attempts, \(step.retry.pause.runbookText) apart") }
    if let undo = step.compensation { notes.append("undone by \(undo.action) \(undo.inputs.values.sorted().joined(separator: " "))") }
    if step.always { notes.append("always: runs also after a failure") }
    return notes
  }

  /// Every step at its timeout, as far as they wait for one another, with attempts and approvals.
  static func longest(_ plan: RunPlan) -> Duration {
    var ends: [Int: Duration] = [:]
    func end(_ index: Int) -> Duration {
      if let known: Duration = ends[index] { return known }
      let step: RunPlan.Step = plan.steps[index]
      let before: Duration = step.dependsOn.map(end).max() ?? .zero
      let own: Duration =
        step.call.timeout * step.retry.attempts + step.retry.pause * (step.retry.attempts - 1) + (step.approval?.timeout ?? .zero)
      ends[index] = before + own
      return before + own
    }
    return plan.steps.indices.map(end).max() ?? .zero
  }

  /// A column of lines per branch: `●` is the step, `│` a branch that passes by, `├` and `┴` where it begins or comes together.
  static func rails(_ plan: RunPlan) -> [String] {
    // The step that every column leads from, until everybody who waits for it has come.
    var columns: [Int?] = []
    var waiting: [Int: Set<Int>] = [:]
    for (index, step) in plan.steps.enumerated() { for other in step.dependsOn { waiting[other, default: []].insert(index) } }
    return plan.steps.indices.map { index in
      let from: [Int] = plan.steps[index].dependsOn
      for other in from { waiting[other]?.remove(index) }
      // It takes the place of a branch that nobody else waits for, or a new one.
      let free: [Int] = columns.indices.filter { columns[$0].map { from.contains($0) && waiting[$0, default: []].isEmpty } ?? false }
      let own: Int = free.first ?? columns.firstIndex { $0 == nil } ?? columns.count
      if own == columns.count { columns.append(nil) }
      let joined: [Int] = Array(free.dropFirst())
      var text: String = ""
      for column in columns.indices {
        if column == own {
          text += "● "
        } else if joined.contains(column) {
          text += "┘ "
        } else if let source: Int = columns[column] {
          text += from.contains(source) ? "├ " : "│ "
        } else {
          text += "  "
        }
      }
      for column in joined { columns[column] = nil }
      columns[own] = waiting[index, default: []].isEmpty ? nil : index
      while columns.last == .some(nil) { columns.removeLast() }
      return text
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
}
