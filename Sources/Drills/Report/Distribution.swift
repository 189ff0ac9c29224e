import KubeModel
import Primitives

/// What several drills of one runbook in a row attained: each time's least, median, 99th percentile and most, drawn beside each other.
public struct Distribution: Sendable {
  public struct Row: Sendable {
    public var name: String
    /// Milliseconds, ascending.
    public var values: [Double]
    /// Drills that did not measure it.
    public var missing: Int
    public var objective: Double?

    /// The smallest value that this part of all values does not exceed (nearest rank).
    public func quantile(_ part: Double) -> Double? {
      values.isEmpty ? nil : values[min(values.count, max(1, Int((Double(values.count) * part).rounded(.up)))) - 1]
    }
  }
  public var rows: [Row]
  public var drills: Int
  public var passed: Int
  public var acknowledged: Int
  /// Nil: at least one drill could not look.
  public var lost: Int?
  /// Of clients that try again, by name.
  public var failed: [(name: String, failed: Int, requests: Int)]

  /// For people: a table, and where the values lie on one scale for all rows.
  public var text: String {
    func cell(_ text: String, _ width: Int = 10) -> String { String(repeating: " ", count: max(1, width - text.count)) + text }
    func time(_ value: Double?) -> String { value.map { "\(Int($0.rounded())) ms" } ?? "-" }
    let width: Int = 60
    let most: Double = max(1, rows.compactMap(\.values.last).max() ?? 1)
    var text: String = "\n" + cell("", 15)
    for title in ["least", "median", "p99", "most", "objective"] { text += cell(title) }
    text += "   0 to \(time(most))\n"
    let blocks: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    for row in rows {
      text += cell(row.name, 15) + cell(time(row.values.first)) + cell(time(row.quantile(0.5))) + cell(time(row.quantile(0.99)))
      text += cell(time(row.values.last)) + cell(row.objective.map { time($0) } ?? "")
      var counts: [Int] = Array(repeating: 0, count: width)
      for value in row.values { counts[min(width - 1, Int(value / most * Double(width - 1)))] += 1 }
      let top: Int = max(1, counts.max() ?? 1)
      text += "  │" + String(counts.map { $0 == 0 ? " " : blocks[max(1, $0 * 8 / top)] }) + "│"
      text += row.missing > 0 ? " not measured by \(row.missing)\n" : "\n"
    }
    for client in failed { text += "\n  \(client.name): \(client.failed) of \(client.requests) requests failed after retries\n" }
    return text + "\n  \(passed) of \(drills) passed; \(acknowledged) writes acknowledged, \(lost.map(String.init) ?? "unknown") lost\n"
  }

  public var json: JSONValue {
    [
      "drills": .int(Int64(drills)), "passed": .int(Int64(passed)), "acknowledged_writes": .int(Int64(acknowledged)),
      "lost_writes": lost.map { .int(Int64($0)) } ?? .null,
      "times": .array(
        rows.map { row in
          [
            "name": .string(row.name), "least_ms": DrillReport.number(row.values.first), "median_ms": DrillReport.number(row.quantile(0.5)),
            "p99_ms": DrillReport.number(row.quantile(0.99)), "most_ms": DrillReport.number(row.values.last),
            "objective_ms": DrillReport.number(row.objective), "missing": .int(Int64(row.missing)),
          ]
        }),
      "failed_after_retries": .array(
        failed.map { ["name": .string($0.name), "failed": .int(Int64($0.failed)), "requests": .int(Int64($0.requests))] }),
    ]
  }
}

extension Distribution {
  public init(_ reports: [DrillReport]) {
    drills = reports.count
    passed = reports.count { $0.verdict == .passed }
    acknowledged = reports.reduce(0) { $0 + $1.acknowledgedWrites }
    lost = reports.contains { $0.lostWrites == nil } ? nil : reports.reduce(0) { $0 + ($1.lostWrites ?? 0) }
    let objectives: Runbook.Objectives? = reports.first?.runbook.objectives
    let times: [(String, String, Duration?)] = [
      ("detection", "detection", nil), ("election", "election", nil), ("first write", "firstWrite", objectives?.firstWrite),
      ("activation", "activation", nil), ("first request", "firstRequest", objectives?.rto),
    ]
    rows = times.map { title, key, objective in
      Self.row(title, reports.map { $0.milestones[key] }, objective)
    }
    if let limit: Duration = objectives?.writePause { rows.append(Self.row("write pause", reports.map(\.writePause), limit)) }
    failed = []
    for companion in reports.first?.companions ?? [] {
      let found: [CompanionFinding?] = reports.map { report in report.companions.first { $0.name == companion.name } }
      rows.append(Self.row("\(companion.name) unserved", found.map { $0?.outage }, companion.objective.outage))
      guard companion.objective.failed != nil else { continue }
      failed.append((companion.name, found.reduce(0) { $0 + ($1?.failed ?? 0) }, found.reduce(0) { $0 + ($1?.requests ?? 0) }))
    }
    rows.removeAll { $0.values.isEmpty && $0.objective == nil }
  }

  private static func row(_ name: String, _ values: [Double?], _ objective: Duration?) -> Row {
    let known: [Double] = values.compactMap { $0 }.sorted()
    return Row(name: name, values: known, missing: values.count - known.count, objective: objective?.inMilliseconds)
  }
}
