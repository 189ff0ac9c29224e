import KubeModel
import Primitives
import TestSupport
import Testing

@testable import Federation

/// What becomes of every verb under its preconditions, as a conversation: the state of the world, then a Failover, then what is said of it.
@Suite struct VerbTests {
  private struct World {
    var record = ActivationRecord(cluster: "bank", center: "production", epoch: 4, lease: .seconds(3), resourceVersion: "9")
    var judging = Judging(order: ["production", "local-dr", "remote-dr"])
    var known: [KubeObject] = []
  }

  @Test func verbs() throws {
    var world = World()
    let differences: [Transcript.Difference] = try Transcript.check(testdata(#filePath, "verbs.txt")) { line in
      let command = Command(line)
      switch command.name {
      case "world":
        world = World()
        if let center: String = command["active"] { world.record.center = CenterName(center) }
        if let epoch = command["epoch"].flatMap({ Int64($0) }) { world.record.epoch = epoch }
        if let silent = command["silent"].flatMap({ Int64($0) }) { world.judging.silentFor = .milliseconds(silent) }
        if let open = command["open"].flatMap({ Int64($0) }) { world.judging.openFor = .seconds(open) }
        if let to: String = command["yields-to"] { world.record.handover = .init(to: CenterName(to), failover: command["for"]) }
        if let placed: String = command["placed"] { world.record.placements = NamespacePlacement.parse(placed) ?? [] }
        if let names: String = command["namespaces"] { world.judging.namespaces = Set(names.split(separator: ",").map(String.init)) }
        if let drill: String = command["drill"] { world.judging.drill = (drill, "production-loss") }
        if let verbs: String = command["approve"] {
          world.judging.approvals = ApprovalPolicy(
            verbs: [verbs], count: Int(command["count"] ?? "1") ?? 1,
            approvers: Set((command["approvers"] ?? "").split(separator: ",").map(String.init)))
        }
        if let measured: String = command["blocked"] {
          let finding = Finding(
            rule: command["rule"] ?? "capacity", center: "local-dr", object: "Center/local-dr", measured: measured, limit: "enough",
            cure: "more")
          world.judging.findings = { [finding] }
        }
        return "epoch \(world.record.epoch), \(world.record.center) is active"
      case "ask": return Self.ask(command, &world)
      default: return "unknown command"
      }
    }
    for difference in differences { Issue.record("\(difference)") }
  }

  /// `NAME KEY=VALUE…`; an underscore stands for a space.
  private struct Command {
    let name: String
    private var values: [String: String] = [:]
    init(_ line: String) {
      let words: [Substring] = line.split(separator: " ")
      name = words.first.map(String.init) ?? ""
      for word in words.dropFirst() {
        let parts: [Substring] = word.split(separator: "=", maxSplits: 1)
        values[String(parts[0])] = parts.count > 1 ? parts[1].split(separator: "_").joined(separator: " ") : ""
      }
    }
    subscript(key: String) -> String? { values[key] }
  }

  private static func ask(_ command: Command, _ world: inout World) -> String {
    let name: String = command["name"] ?? "f"
    var spec: JSONValue = [
      "cluster": "bank", "kind": .string(command["kind"] ?? "planned"), "to": .string(command["to"] ?? "local-dr"),
      "requestedBy": .string(command["by"] ?? "mei"),
    ]
    if let from: String = command["from"] { spec["from"] = .string(from) }
    if let epoch = command["epoch"].flatMap({ Int64($0) }) { spec["epoch"] = .int(epoch) }
    if command["dry-run"] != nil { spec["dryRun"] = true }
    if let namespace: String = command["namespace"] { spec["namespace"] = .string(namespace) }
    if let drill: String = command["drill"] { spec["drill"] = .string(drill) }
    if let accept: String = command["accept"] { spec["accept"] = .array([.string(accept)]) }
    if let approvals: String = command["approvals"] {
      spec["approvals"] = .array(approvals.split(separator: ",").map { ["user": .string(String($0))] })
    }
    var failover = KubeObject([
      "metadata": ["name": .string(name), "creationTimestamp": "2026-11-29T10:00:00Z"], "spec": spec, "status": ["phase": "Pending"],
    ])
    world.judging.others = world.known.compactMap { FailoverRequest($0) }
    guard let verdict = FailoverVerdict(failover, world.record, world.judging) else { return "nothing is said" }
    FailoverStatus.write(
      verdict, into: &failover, epoch: world.record.epoch, center: world.record.center, now: WallTime(secondsSince1970: 0))
    world.known.append(failover)
    let status: JSONValue = failover.status
    var lines: [String] = ["\(verdict)", "phase \(status["phase"].string ?? "")"]
    if let message: String = status["message"].string { lines.append("message \(message)") }
    for finding in status["blocking"].array.map({ Finding($0) }) {
      lines.append(
        "\(finding.weight.rawValue) \(finding.rule) \(finding.object): \(finding.measured); limit: \(finding.limit); cure: \(finding.cure)")
    }
    for condition in status["conditions"].array {
      lines.append("condition \(condition["type"].string ?? "")=\(condition["status"].string ?? "") \(condition["reason"].string ?? "")")
    }
    return lines.joined(separator: "\n")
  }
}
