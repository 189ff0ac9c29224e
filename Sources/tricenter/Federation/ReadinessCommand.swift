import ArgumentParser
import Federation
import KubeClient
import KubeModel
import Primitives

struct ReadinessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "readiness", abstract: "What the rules of readiness find in every center, with the cure.",
    discussion: """
      Rules: \(ReadinessRules.all.map { "\($0.name) (\($0.purpose))" }.joined(separator: ", ")).
      Exit code 0: nothing blocks. 1: something does. 2: refused. 3: nobody answers, or the rules were not evaluated lately.
      """)
  @OptionGroup var person: PersonOptions
  @Option(help: "Of this center only.") var center: String?
  @Flag(name: .shortAndLong, help: "Go on, and tell every change.") var watch: Bool = false
  @Option(name: .shortAndLong, help: "table, wide, json, yaml or name") var output: ListFormat = .table

  func run() async throws {
    try await CommandFailure.told {
      let access: PersonAccess = try person.access()
      let client: KubeClient = try await access.everyCenter()
      var outcome: Outcome = .done
      try await Repeatedly.print(watch) {
        let all: [KubeObject] = try await access.patiently(.seconds(5)) { try await client.list(.centers).items }
        let wanted: [KubeObject] = all.filter { center == nil || $0.name == center }.sorted { $0.name < $1.name }
        guard !wanted.isEmpty else {
          throw CommandFailure(
            .failed, "There is no center \(center ?? "at all"); there are: \(all.map(\.name).sorted().joined(separator: ", ")).")
        }
        let now: WallTime = access.clock.wall()
        outcome = Self.outcome(wanted, now)
        return ObjectOutput.text(wanted, output) { wide in Self.table(wanted, wide, now) }
      }
      if outcome != .done { throw outcome.code }
    }
  }

  static func outcome(_ centers: [KubeObject], _ now: WallTime) -> Outcome {
    let isOld: Bool = centers.contains { center in
      guard let at = center.status["readiness"]["evaluatedAt"].string.flatMap({ WallTime(rfc3339: $0) }) else { return true }
      return now.secondsSince1970 - at.secondsSince1970 > 120
    }
    if isOld { return .unknown }
    return centers.allSatisfy { $0.status["readiness"]["ready"].bool == true } ? .done : .failed
  }

  private static func table(_ centers: [KubeObject], _ wide: Bool, _ now: WallTime) -> TextTable {
    var table = TextTable(
      ["CENTER", "READY", "RULE", "OBJECT", "MEASURED"] + (wide ? ["LIMIT"] : []) + ["CURE", "EVALUATED"] + (wide ? ["BY"] : []))
    for center in centers {
      let readiness: JSONValue = center.status["readiness"]
      let age: String = Age.text(readiness["evaluatedAt"], now)
      let tail: [String] = [age] + (wide ? [readiness["source"].string ?? "-"] : [])
      let findings: [JSONValue] = readiness["findings"].array
      if findings.isEmpty {
        let word: String = readiness.isNull ? "unknown" : "yes"
        table.rows.append(
          [center.name, Terminal.output.mark(readiness.isNull ? .uncertain : .good) + word, "-", "-", "-"] + (wide ? ["-"] : []) + ["-"]
            + tail)
      }
      for finding in findings {
        let isBlocking: Bool = finding["weight"].string != "warning"
        func text(_ field: String) -> String { finding[field].string ?? "-" }
        table.rows.append(
          [
            center.name, Terminal.output.mark(isBlocking ? .bad : .uncertain) + (isBlocking ? "no" : "yes"), text("rule"), text("object"),
            text("measured"),
          ] + (wide ? [text("limit")] : []) + [text("cure")] + tail)
      }
    }
    return table
  }
}
