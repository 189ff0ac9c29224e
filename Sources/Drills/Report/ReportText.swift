import KubeModel
import Primitives

extension DrillReport {
  /// For people: what happened when, drawn, and the verdict.
  public var text: String {
    var text: String = "\n\(runbook.title)\n\n"
    text += chart + "\n"
    for entry in timeline where entry.name != "step" && entry.milliseconds >= -0.5 {
      text +=
        "  \(Self.right(Self.milliseconds(entry.milliseconds), 9)) ms  \(Self.left(entry.name, 18)) \(Self.left(entry.center, 11)) \(entry.detail)\n"
    }
    text += "\n  after the loss     ms    objective\n"
    let rows: [(String, String, Duration?)] = [
      ("detection", "detection", nil), ("election", "election", nil), ("activation", "activation", nil),
      ("first write", "firstWrite", runbook.objectives.firstWrite), ("first request", "firstRequest", runbook.objectives.rto),
      ("endpoints gone", "endpointsGone", runbook.objectives.endpointsGone),
    ]
    for (title, key, objective) in rows {
      let value: String = milestones[key].map(Self.milliseconds) ?? "-"
      text +=
        "  \(Self.left(title, 14)) \(Self.right(value, 6))  \(Self.right(objective.map { Self.milliseconds($0.inMilliseconds) } ?? "", 9))\n"
    }
    for companion in companions {
      text +=
        "  \(Self.left(companion.name, 14)) \(Self.right(companion.outage.map(Self.milliseconds) ?? "-", 6))  "
        + "\(Self.right(companion.objective.outage.map { Self.milliseconds($0.inMilliseconds) } ?? "", 9))"
        + "  longest without an answer; \(companion.requests) requests, \(companion.failed) failed\n"
    }
    text += "\n  requests \(requests), failed \(failedRequests)\n"
    text += "  writes acknowledged \(acknowledgedWrites), lost \(lostWrites.map(String.init) ?? "unknown")\n"
    for (name, value) in facts.sorted(by: { $0.key < $1.key }) {
      text += "  \(name) \(String(decoding: value.serialized(), as: UTF8.self))\n"
    }
    for sentence in observation.lines { text += "  \(sentence)\n" }
    for sentence in simulated { text += "  SIMULATED: \(sentence)\n" }
    for sentence in deviations { text += "  DEVIATION: \(sentence)\n" }
    return text + "\n  verdict: \(verdict.rawValue)\n"
  }

  /// Requests and writes per quarter second, from two seconds before the loss on: one column each.
  private var chart: String {
    guard !rates.isEmpty else { return "" }
    let shown = rates.prefix(100)
    let blocks: [Character] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    func row(_ title: String, _ values: [Int]) -> String {
      let top: Int = max(1, values.max() ?? 1)
      let bars: [Character] = values.map { $0 == 0 ? " " : blocks[max(1, min(8, $0 * 8 / top))] }
      return "  \(Self.left(title, 9))│\(String(bars))│ max \(top) per 250 ms\n"
    }
    var axis: [Character] = Array(repeating: "─", count: shown.count)
    var marks: [Character] = Array(repeating: " ", count: shown.count)
    for (index, bucket) in shown.enumerated() where Int(bucket.milliseconds) % 1_000 == 0 { axis[index] = "┬" }
    let events: [(String, Character)] = [
      ("detection", "d"), ("election", "e"), ("activation", "a"), ("firstWrite", "w"), ("firstRequest", "r"),
    ]
    let first: Double = shown.first?.milliseconds ?? 0
    func mark(_ milliseconds: Double, _ character: Character) {
      let column = Int((milliseconds - first) / 250)
      if marks.indices.contains(column) { marks[column] = marks[column] == " " ? character : "*" }
    }
    mark(0, "X")
    for (key, character) in events { if let value: Double = milestones[key] { mark(value, character) } }
    return row("served", shown.map(\.served)) + row("failed", shown.map(\.failed)) + row("written", shown.map(\.written))
      + "  \(Self.left("seconds", 9))└\(String(axis))┘\n  \(Self.left("", 10))\(String(marks))\n"
      + "             X loss  d detection  e election  a activation  w first write  r first request  * several\n"
  }

  private static func milliseconds(_ value: Double) -> String { String(Int(value.rounded())) }
  private static func left(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
  private static func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
}
