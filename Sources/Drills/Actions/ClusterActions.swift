import Federation
import KubeClient
import KubeModel
import Primitives
import Site
import TLS

enum ClusterActions {
  static func activation(_ context: DrillContext) async throws -> KubeObject {
    try await context.client.get(
      .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: context.runbook.cluster))
  }

  @Sendable static func requireActive(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let wanted: String = call["center"]
    return try await context.until(call.deadline) {
      let record = try ActivationRecord(await activation(context))
      guard record.center.value == wanted else {
        throw DrillError(.notMet, "\(record.center) is active (epoch \(record.epoch)), not \(wanted).")
      }
      context.state.withLock { $0.facts[$0.lostCenter == nil ? "epochBefore" : "epochAfter"] = .int(record.epoch) }
      return "\(wanted) is active, epoch \(record.epoch)"
    }
  }

  /// Asks for a planned move if the cluster is active elsewhere, and waits until it is active there.
  @Sendable static func moveTo(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let wanted: String = call["center"]
    let deadline: MonotonicTime = call.deadline
    func current() async throws -> ActivationRecord { try ActivationRecord(await activation(context)) }
    let before: ActivationRecord = try await context.until(deadline) { try await current() }
    if before.center.value != wanted {
      try await askToMove(
        context, call,
        ["from": .string(before.center.value), "to": .string(wanted), "kind": "planned", "epoch": .int(before.epoch)])
    }
    return try await context.until(deadline) {
      let record: ActivationRecord = try await current()
      guard record.center.value == wanted else {
        if let refusal: String = try await refusal(context, call) { throw DrillError(.refused, refusal) }
        throw DrillError(.notMet, "\(record.center) is active (epoch \(record.epoch)), not \(wanted).")
      }
      context.state.withLock { $0.facts["epochBefore"] = .int(record.epoch) }
      let how: String = before.center == record.center ? "" : ", moved there from \(before.center)"
      return "\(wanted) is active, epoch \(record.epoch)\(how)"
    }
  }

  /// One Failover per effect, however often it is asked for: its name follows from the key. One that was refused had no effect, so the next
  /// attempt is another object.
  static func askToMove(_ context: DrillContext, _ call: StepCall, _ move: JSONValue) async throws {
    _ = try await context.until(call.deadline) { () -> Bool? in
      for number in 1...DrillLimits.attempts {
        let name: String = failoverName(call, number)
        if let found: KubeObject = try await context.client.find(.failovers, name: name) {
          if ["Refused", "Failed"].contains(found.status["phase"].string ?? "") { continue }
          return true
        }
        var failover = KubeObject([
          "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["name": .string(name)], "spec": move,
        ])
        failover.json["spec"]["cluster"] = .string(context.runbook.cluster)
        failover.json["spec"]["reason"] = .string("runbook \(context.runbook.id), step \(call.step)")
        failover.json["spec"]["drill"] = .string(context.plan.run)
        context.note("failover", center: call["center"], name)
        do {
          _ = try await context.client.create(.failovers, failover)
        } catch let error as KubeError where error.code == .alreadyExists {
          // An answer that was lost: it is ours.
        }
        return true
      }
      throw DrillError(.refused, "\(DrillLimits.attempts) moves for \(call.key) were refused.")
    }
  }

  private static func failoverName(_ call: StepCall, _ number: Int) -> String {
    "drill-\(SHA256.hexadecimal(Bytes(call.key)).prefix(12))-\(number)"
  }

  /// Why the newest one was not carried out, nil while it may still be.
  static func refusal(_ context: DrillContext, _ call: StepCall) async throws -> String? {
    var refusal: String?
    for number in 1...DrillLimits.attempts {
      guard let found: KubeObject = try await context.client.find(.failovers, name: failoverName(call, number)) else { return refusal }
      let phase: String = found.status["phase"].string ?? ""
      guard phase == "Refused" || phase == "Failed" else { return nil }
      refusal = "Failover \(found.name) was \(phase.lowercased()): \(found.status["message"].string ?? "")"
    }
    return refusal
  }

  /// Every member of the center follows a leader elsewhere and has applied at least what the leader had committed when the step began.
  @Sendable static func waitCaughtUp(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let center = call.center
    let hosts: [Host] = context.site.center(center)?.hosts ?? []
    let deadline: MonotonicTime = call.deadline
    let survivors: [Host] = context.site.hosts.filter { host in !hosts.contains { $0.name == host.name } }
    let goal: Int64 = try await context.until(deadline) {
      for host in survivors {
        if let commit: Int64 = try? await context.hostStatus(host)["raft"]["commitIndex"].int { return commit }
      }
      throw DrillError(.notMet, "No surviving member tells its commit index.")
    }
    var told: [String] = []
    for host in hosts {
      let line: String = try await context.until(deadline) {
        let raft: JSONValue = try await context.hostStatus(host)["raft"]
        guard let applied: Int64 = raft["appliedIndex"].int, applied >= goal, raft["role"].string == "follower" else {
          throw DrillError(.notMet, "\(host.name) is \(raft["role"].string ?? "silent") at \(raft["appliedIndex"].int ?? 0) of \(goal).")
        }
        return "\(host.name) at \(applied)"
      }
      context.note("caughtUp", center: center.value, line)
      told.append(line)
    }
    return told.joined(separator: ", ") + " (goal \(goal))"
  }

  @Sendable static func waitStandby(_ context: DrillContext, _ call: StepCall) async throws -> String {
    let center = call.center
    let hosts: Set<String> = Set((context.site.center(center)?.hosts ?? []).map(\.name.value))
    return try await context.until(call.deadline) {
      let nodes: [KubeObject] = try await context.client.list(.nodes).items.filter { hosts.contains($0.name) }
      let unready: [String] = nodes.filter { !Capacity.isReady($0) || Fencing.fencedTaint($0) != nil }.map(\.name)
      guard nodes.count == hosts.count, unready.isEmpty else {
        throw DrillError(.notMet, "Not yet ready standbys: \(unready.sorted().joined(separator: ", ")); \(nodes.count) nodes registered.")
      }
      // `hot` pods run in standby centers as well.
      let pods: [KubeObject] = try await context.client.list(.pods).items.filter {
        hosts.contains($0.spec["nodeName"].string ?? "") && !WorkloadTier($0).isEverywhere
      }
      guard pods.isEmpty else { throw DrillError(.notMet, "\(pods.map(\.key).joined(separator: ", ")) are bound to \(center).") }
      context.note("standby", center: center.value)
      return "\(nodes.count) nodes ready, no pod of one center only bound"
    }
  }
}
