import Federation
import KubeModel
import Primitives

/// What `tricenter disaster recover` found and did, apart from how it is shown.
struct DisasterOutcome: Sendable {
  struct Phase: Sendable {
    var name: String
    var milliseconds: Int64
    var detail: String
  }

  var cluster: String
  var center: String
  var isDryRun: Bool
  var outcome: Outcome = .unknown
  var message: String = ""
  var phases: [Phase] = []
  var findings: [Finding] = []
  /// What would be done, of a dry run.
  var steps: [String] = []
  var storeEpoch: UInt64?
  /// Certificate, or plan of a dry run, as JSON and as text.
  var certificate: (json: String, text: String)?
  var files: [String] = []
  var before: ActivationRecord?
  var after: ActivationRecord?
  var workload: String = ""
  var next: [String] = []

  init(cluster: String, center: String, isDryRun: Bool) {
    self.cluster = cluster
    self.center = center
    self.isDryRun = isDryRun
  }

  var json: JSONValue {
    func activation(_ record: ActivationRecord?) -> JSONValue {
      record.map { ["center": .string($0.center.value), "epoch": .int($0.epoch)] } ?? .null
    }
    return [
      "kind": isDryRun ? "DisasterPlan" : "DisasterRecovery", "cluster": .string(cluster), "center": .string(center),
      "outcome": .string("\(outcome)"), "exitCode": .int(Int64(outcome.rawValue)), "message": .string(message),
      "blocking": findings.blocking.json, "warnings": findings.filter { $0.weight == .warning }.json,
      "steps": .array(steps.map { .string($0) }),
      "phases": .array(
        phases.map { ["name": .string($0.name), "milliseconds": .int($0.milliseconds), "detail": .string($0.detail)] }),
      "milliseconds": .int(phases.reduce(0) { $0 + $1.milliseconds }),
      "storeEpoch": storeEpoch.map { .int(Int64($0)) } ?? .null,
      "certificate": certificate.flatMap { try? JSONValue.parse(Bytes($0.json)) } ?? .null,
      "files": .array(files.map { .string($0) }), "before": activation(before), "after": activation(after),
      "workload": .string(workload), "next": .array(next.map { .string($0) }),
    ]
  }

  /// For people.
  var text: String {
    var lines: [String] = []
    if !findings.isEmpty { lines += [FindingText.table(findings.map(\.json)).text, ""] }
    if let certificate { lines += [certificate.text.trimmingNewlines, ""] }
    if !steps.isEmpty { lines += ["What would be done:"] + steps.enumerated().map { "  \($0.offset + 1). \($0.element)" } + [""] }
    for phase in phases { lines.append("  \(phase.name): \(phase.milliseconds) ms, \(phase.detail)") }
    if !phases.isEmpty { lines.append("") }
    lines.append(message)
    if !files.isEmpty { lines.append("Written: \(files.joined(separator: ", "))") }
    if !next.isEmpty { lines += ["", "Next:"] + next.enumerated().map { "  \($0.offset + 1). \($0.element)" } }
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingNewlines: String {
    var text: Substring = self[...]
    while text.last?.isNewline == true { text = text.dropLast() }
    return String(text)
  }
}
