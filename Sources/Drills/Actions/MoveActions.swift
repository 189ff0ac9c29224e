import Federation
import KubeClient
import KubeModel
import Primitives
import Site
import TLS

/// Moves that must not happen, and what is said of them.
enum MoveActions {
  /// Epochs grow by one with every activation, whoever brought it about.
  @Sendable static func transitions(_ context: DrillContext, _ call: StepCall) async throws -> String {
    guard let before: Int64 = context.state.withLock({ $0.facts["epochBefore"]?.int }) else {
      throw DrillError(.badRunbook, "No epoch was noted before: cluster.moveTo and cluster.requireActive do.")
    }
    let record: ActivationRecord = try await context.until(call.deadline) {
      try ActivationRecord(await ClusterActions.activation(context))
    }
    let count: Int64 = record.epoch - before
    context.state.withLock { $0.facts["transitions"] = .int(count) }
    guard count <= Int64(call.number("atMost") ?? 0) else {
      throw DrillError(
        .refused, "\(count) transitions since epoch \(before), and \(call["atMost"]) are allowed: \(record.center) is active.")
    }
    return "\(count) transitions since epoch \(before); \(record.center) is active"
  }

  /// A move that is asked for must be refused, and the refusal must list what these rules find, each with its cure.
  static let refused = ActionDescription(
    [
      .init("center", .center), .init("verb", .oneOf(["switchover", "failover", "failback"])), .init("rules", .text),
    ], effect: .changes
  ) { context, call in
    let name = "drill-\(SHA256.hexadecimal(Bytes(call.key)).prefix(12))-refused"
    let rules: [String] = names(call["rules"])
    let failover = KubeObject([
      "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)],
      "spec": [
        "cluster": .string(context.runbook.cluster), "to": .string(call["center"]), "kind": .string(call["verb"]),
        "reason": .string("runbook \(context.runbook.id), step \(call.step)"), "drill": .string(context.plan.run),
      ],
    ])
    _ = try await context.until(call.deadline) { () -> Bool? in
      if try await context.client.find(.failovers, name: name) != nil { return true }
      do {
        _ = try await context.client.create(.failovers, failover)
      } catch let error as KubeError where error.code == .alreadyExists {
        // An answer that was lost: it is ours.
      }
      context.note("failover", center: call["center"], "\(name), to be refused")
      return true
    }
    return try await context.until(call.deadline) {
      let found: KubeObject = try await context.client.get(.failovers, name: name)
      let phase: String = found.status["phase"].string ?? ""
      guard phase == "Refused" else {
        guard phase.isEmpty || phase == "Pending" else {
          throw DrillError(.refused, "Failover \(name) was not refused but is \(phase): \(found.status["message"].string ?? "")")
        }
        throw DrillError(
          .notMet, "Failover \(name) is \(phase.isEmpty ? "not yet judged" : phase): \(found.status["message"].string ?? "")")
      }
      let findings: [Finding] = found.status["blocking"].array.map { Finding($0) }.blocking
      let missing: [String] = rules.filter { rule in !findings.contains { $0.rule == rule && !$0.cure.isEmpty } }
      guard missing.isEmpty else {
        throw DrillError(
          .refused, "The refusal of \(name) does not list \(missing.joined(separator: ", ")): \(found.status["message"].string ?? "")")
      }
      context.note("refused", center: call["center"], findings.map(\.rule).joined(separator: ", "))
      return "refused for \(findings.count) reasons: \(findings.map { "\($0.rule): \($0.sentence)" }.joined(separator: "; "))"
    }
  }.checked { inputs, _ in
    let known: [String] = ReadinessRules.all.map(\.name)
    return names(inputs["rules"] ?? "").filter { !known.contains($0) }.map {
      ("rules", "no rule of readiness is called \($0); there are \(known.joined(separator: ", "))")
    }
  }

  /// Readiness of a center says, or no longer says, what a rule finds.
  static let readiness = ActionDescription(
    [.init("center", .center), .init("rule", .text), .init("found", .boolean, isRequired: false)]
  ) { context, call in
    let isWanted: Bool = call["found"] != "false"
    return try await context.until(call.deadline, every: .milliseconds(500)) {
      let center: KubeObject = try await context.client.get(.centers, name: call["center"])
      let readiness: JSONValue = center.status["readiness"]
      let found: [Finding] = readiness["findings"].array.map { Finding($0) }.filter { $0.rule == call["rule"] }
      let seen = "evaluated at \(readiness["evaluatedAt"].string ?? "no time")"
      guard found.isEmpty != isWanted else {
        throw DrillError(
          .notMet,
          "Readiness of \(call["center"]) \(isWanted ? "does not find" : "still finds") \(call["rule"]), \(seen): "
            + found.map(\.sentence).joined(separator: "; "))
      }
      return isWanted ? "\(found.map { "\($0.sentence); cure: \($0.cure)" }.joined(separator: "; ")), \(seen)" : "nothing found, \(seen)"
    }
  }.checked { inputs, _ in
    let known: [String] = ReadinessRules.all.map(\.name)
    guard let rule: String = inputs["rule"], !known.contains(rule) else { return [] }
    return [("rule", "no rule of readiness is called \(rule); there are \(known.joined(separator: ", "))")]
  }

  private static func names(_ text: String) -> [String] {
    text.split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init)
  }
}
