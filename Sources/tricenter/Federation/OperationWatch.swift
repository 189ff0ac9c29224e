import ArgumentParser
import KubeClient
import KubeModel
import Primitives

/// Follows a Failover to its end from whichever center answers.
struct OperationWatch: Sendable {
  let access: PersonAccess
  let client: KubeClient
  let name: String

  /// Tells every new entry of the history, and what it waits for, once. Throws `.unknown` when the end is not there in time.
  func untilEnd(_ limit: Duration, tell: @Sendable (String) -> Void) async throws -> KubeObject {
    let deadline: MonotonicTime = access.clock.now() + limit
    var told: Int = 0
    var waits: String = ""
    var last: KubeObject?
    while true {
      let left: Duration = max(deadline - access.clock.now(), .milliseconds(1))
      do {
        let object: KubeObject = try await access.patiently(left) { try await client.get(.failovers, name: name) }
        last = object
        let history: [JSONValue] = object.status["history"].array
        for entry in history.dropFirst(min(told, history.count)) { tell(OperationText.line(entry)) }
        told = history.count
        let message: String = object.status["message"].string ?? ""
        if message != waits, !message.isEmpty { tell(message) }
        waits = message
        if Self.isOver(object) { return object }
      } catch let error as KubeError where error.code == .notFound && last == nil {
        // As `operation show` says it.
        last = try await Operation.find(name, client, access)
      } catch let error as KubeError where !error.isRefusal && error.code != .notFound {
        throw Self.unknown(name, last, error.message)
      }
      guard access.clock.now() < deadline else { throw Self.unknown(name, last, "It is not over after \(limit).") }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  private static func unknown(_ name: String, _ last: KubeObject?, _ why: String) -> CommandFailure {
    let phase: String = last.map { " It was \($0.status["phase"].string ?? "Pending") when it was last seen." } ?? ""
    return CommandFailure(.unknown, "The end of \(name) is not known: \(why)\(phase) Look again: tricenter operation watch \(name)")
  }

  static func isOver(_ object: KubeObject) -> Bool {
    ["Completed", "Failed", "Refused"].contains(object.status["phase"].string ?? "")
  }

  static func outcome(_ object: KubeObject) -> Outcome {
    switch object.status["phase"].string ?? "" {
    case "Completed": .done
    case "Failed": .failed
    case "Refused": .refused
    default: .unknown
    }
  }

  static func exit(_ object: KubeObject) throws {
    let outcome: Outcome = outcome(object)
    if outcome != .done { throw outcome.code }
  }
}

/// A Failover for people.
enum OperationText {
  static func table(_ objects: [KubeObject], _ wide: Bool, now: WallTime) -> TextTable {
    var table = TextTable(["NAME", "VERB", "CLUSTER", "FROM", "TO", "PHASE", "EPOCH", "AGE"] + (wide ? ["ASKED BY", "REASON"] : []))
    for object in objects {
      let (spec, status): (JSONValue, JSONValue) = (object.spec, object.status)
      func text(_ values: JSONValue...) -> String { values.lazy.compactMap { $0.string ?? $0.int.map(String.init) }.first ?? "-" }
      let phase: String = text(status["phase"])
      let mood: Terminal.Mood =
        switch OperationWatch.outcome(object) {
        case .done: .good
        case .failed, .refused: .bad
        case .unknown: .uncertain
        }
      var row: [String] = [
        object.name, text(spec["kind"]), text(spec["cluster"]), text(status["from"], spec["from"]), text(status["to"], spec["to"]),
        Terminal.output.painted(phase, mood), text(status["epoch"], status["acceptedEpoch"]),
        Age.text(object.metadata["creationTimestamp"], now),
      ]
      if wide { row += [text(spec["requestedBy"]), text(spec["reason"])] }
      table.rows.append(row)
    }
    return table
  }

  /// What stands against it, per center, and what happened.
  static func details(_ object: KubeObject) -> [String] {
    var lines: [String] = []
    if let message: String = object.status["message"].string { lines += ["", message] }
    let findings: [JSONValue] = object.status["blocking"].array
    if !findings.isEmpty { lines += ["", FindingText.table(findings).text] }
    let history: [JSONValue] = object.status["history"].array
    if !history.isEmpty { lines += [""] + history.map(line) }
    return lines
  }

  static func line(_ entry: JSONValue) -> String {
    let time: String = entry["time"].string ?? ""
    return "\(time)  \(entry["center"].string ?? "-")  \(entry["name"].string ?? "")  \(entry["message"].string ?? "")"
  }
}

enum FindingText {
  static func table(_ findings: [JSONValue]) -> TextTable {
    var table = TextTable(["CENTER", "RULE", "WEIGHT", "OBJECT", "MEASURED", "LIMIT", "CURE"])
    for finding in findings {
      func text(_ field: String) -> String { finding[field].string ?? "-" }
      let isBlocking: Bool = finding["weight"].string != "warning"
      table.rows.append([
        text("center"), text("rule"), Terminal.output.painted(isBlocking ? "blocking" : "warning", isBlocking ? .bad : .uncertain),
        text("object"), text("measured"), text("limit"), text("cure"),
      ])
    }
    return table
  }
}
