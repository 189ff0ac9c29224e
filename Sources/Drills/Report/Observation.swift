import KubeModel
import Primitives

/// What was measured by which runner, and what nobody saw while one runner was dead and the next had not begun.
struct Observation: Sendable {
  enum Subject: String, Sendable { case requests, writes }

  struct Gap: Hashable, Sendable {
    var subject: Subject
    var from: WallTime
    var until: WallTime
    /// Steps that changed something then, or before and without an end that anybody saw; empty: nothing was under way.
    var during: [String]
  }

  /// By runner, the last one included.
  let parts: [MeasuredPart]
  let gaps: [Gap]

  /// - Parameter changes: the steps that change something, with their times.
  init(_ parts: [MeasuredPart], changes: [(id: String, began: WallTime?, ended: WallTime?)]) {
    self.parts = parts
    func gaps(_ subject: Subject, _ sessions: [(began: WallTime, until: WallTime, goodAt: WallTime?, isEnded: Bool)]) -> [Gap] {
      zip(sessions, sessions.dropFirst()).compactMap { one, next in
        guard !one.isEnded else { return nil }
        let during: [String] = changes.filter { change in
          guard let began: WallTime = change.began, Self.isEarlier(began, next.began) else { return false }
          // Over before the last one that went well was begun: what came of it was seen.
          guard let ended: WallTime = change.ended, let goodAt: WallTime = one.goodAt else { return true }
          return !Self.isEarlier(ended, goodAt)
        }.map(\.id)
        return Gap(subject: subject, from: one.until, until: next.began, during: during)
      }
    }
    self.gaps =
      gaps(.requests, parts.compactMap(\.requests).map { ($0.began, $0.until, $0.servingAt, $0.isEnded) })
      + gaps(.writes, parts.compactMap(\.writes).map { ($0.began, $0.until, $0.acceptedAt, $0.isEnded) })
  }

  private static func isEarlier(_ one: WallTime, _ other: WallTime) -> Bool { one.since(other) < .zero }

  /// Why what the objectives need was not seen, in sentences; empty: nothing of it is missing.
  func missing(for objectives: Runbook.Objectives) -> [String] {
    var sentences: [String] = []
    for gap in gaps where !gap.during.isEmpty {
      let needing: [String]
      switch gap.subject {
      case .requests: needing = objectives.failedRequests == nil ? [] : ["failed requests"]
      case .writes:
        needing =
          (objectives.lostWrites == nil ? [] : ["lost writes"]) + (objectives.writePause == nil ? [] : ["the pause between writes"])
      }
      guard !needing.isEmpty else { continue }
      let what: String = gap.subject == .requests ? "Nobody made requests" : "Nobody wrote"
      sentences.append(
        "\(what) from \(gap.from.rfc3339Micro) to \(gap.until.rfc3339Micro), while the runner was replaced and "
          + "\(gap.during.joined(separator: ", ")) was under way: \(needing.joined(separator: " and ")) cannot be judged.")
    }
    if objectives.lostWrites != nil {
      for part in parts.dropLast() where part.writes?.count ?? 0 > 0 && part.writes?.written == nil {
        sentences.append(
          "Runner \(part.epoch) (\(part.holder)) had too many failed writes for the run to keep which were acknowledged: "
            + "they were not looked for.")
      }
    }
    return sentences
  }

  /// - Parameter zero: what a report counts from.
  func json(zero: WallTime) -> (measuredBy: JSONValue, unobserved: JSONValue) {
    func ms(_ time: WallTime) -> JSONValue { DrillReport.number(time.since(zero).inMilliseconds) }
    let measured: [JSONValue] = parts.map { part in
      var json: JSONValue = ["runner": .int(part.epoch), "holder": .string(part.holder)]
      if let requests = part.requests {
        json["requests"] = [
          "from_ms": ms(requests.began), "until_ms": ms(requests.until), "count": .int(Int64(requests.count)),
          "failed": .int(Int64(requests.failed)), "longest_gap_ms": DrillReport.number(requests.longestGap),
        ]
      }
      if let writes = part.writes {
        json["writes"] = [
          "from_ms": ms(writes.began), "until_ms": ms(writes.until), "acknowledged": .int(Int64(writes.count)),
          "failed": .int(Int64(writes.failed)), "longest_pause_ms": DrillReport.number(writes.longestPause),
        ]
      }
      return json
    }
    let unobserved: [JSONValue] = gaps.map { gap in
      [
        "what": .string(gap.subject.rawValue), "from_ms": ms(gap.from), "until_ms": ms(gap.until),
        "during": .array(gap.during.map { .string($0) }),
      ]
    }
    return (.array(measured), .array(unobserved))
  }

  /// For people.
  var lines: [String] {
    guard parts.count > 1 else { return [] }
    return parts.map { part in
      let asked: String = part.requests.map { "\($0.count) requests (\($0.failed) failed)" } ?? "no requests"
      let written: String = part.writes.map { "\($0.count) writes (\($0.failed) failed)" } ?? "no writes"
      return "measured by runner \(part.epoch) (\(part.holder)): \(asked), \(written)"
    }
      + gaps.map { gap in
        "not measured: \(gap.subject.rawValue) for \(Int(gap.until.since(gap.from).inMilliseconds)) ms"
          + (gap.during.isEmpty ? ", while nothing was under way" : ", during \(gap.during.joined(separator: ", "))")
      }
  }
}
