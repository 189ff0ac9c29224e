import Federation
import KubeClient
import KubeModel
import Primitives
import Site

enum ClusterActions {
  @Sendable static func requireActive(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let wanted: String = inputs["center"] ?? ""
    return try await context.until(context.deadline(inputs)) {
      let object: KubeObject = try await context.client.get(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: context.runbook.cluster))
      let record = try ActivationRecord(object)
      guard record.center.value == wanted else {
        throw DrillError(.notMet, "\(record.center) is active (epoch \(record.epoch)), not \(wanted).")
      }
      context.state.withLock { $0.facts[$0.lostCenter == nil ? "epochBefore" : "epochAfter"] = .int(record.epoch) }
      return "\(wanted) is active, epoch \(record.epoch)"
    }
  }

  /// Asks for a planned move if the cluster is active elsewhere, and waits until it is active there.
  @Sendable static func moveTo(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let wanted: String = inputs["center"] ?? ""
    let deadline: MonotonicTime = context.deadline(inputs)
    func current() async throws -> ActivationRecord {
      try ActivationRecord(
        await context.client.get(
          .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: context.runbook.cluster)))
    }
    let before: ActivationRecord = try await context.until(deadline) { try await current() }
    if before.center.value != wanted {
      let failover = KubeObject([
        "apiVersion": "federation.tricenter.io/v1", "kind": "Failover", "metadata": ["generateName": "drill-home-"],
        "spec": [
          "cluster": .string(context.runbook.cluster), "from": .string(before.center.value), "to": .string(wanted), "kind": "planned",
          "epoch": .int(before.epoch), "reason": .string("drill \(context.runbook.id) begins in \(wanted)"), "requestedBy": "drill",
          "drill": .string(context.runbook.id),
        ],
      ])
      _ = try await context.until(deadline) { try await context.client.create(.failovers, failover) }
    }
    return try await context.until(deadline) {
      let record: ActivationRecord = try await current()
      guard record.center.value == wanted else {
        throw DrillError(.notMet, "\(record.center) is active (epoch \(record.epoch)), not \(wanted).")
      }
      context.state.withLock { $0.facts["epochBefore"] = .int(record.epoch) }
      let how: String = before.center == record.center ? "" : ", moved there from \(before.center)"
      return "\(wanted) is active, epoch \(record.epoch)\(how)"
    }
  }

  /// Every member of the center follows a leader elsewhere and has applied at least what the leader had committed when the step began.
  @Sendable static func waitCaughtUp(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let center = CenterName(inputs["center"] ?? "")
    let hosts: [Host] = context.site.center(center)?.hosts ?? []
    let deadline: MonotonicTime = context.deadline(inputs)
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

  @Sendable static func waitStandby(_ context: DrillContext, _ inputs: [String: String]) async throws -> String {
    let center = CenterName(inputs["center"] ?? "")
    let hosts: Set<String> = Set((context.site.center(center)?.hosts ?? []).map(\.name.value))
    return try await context.until(context.deadline(inputs)) {
      let nodes: [KubeObject] = try await context.client.list(.nodes).items.filter { hosts.contains($0.name) }
      let unready: [String] = nodes.filter { !Capacity.isReady($0) || Fencing.fencedTaint($0) != nil }.map(\.name)
      guard nodes.count == hosts.count, unready.isEmpty else {
        throw DrillError(.notMet, "Not yet ready standbys: \(unready.sorted().joined(separator: ", ")); \(nodes.count) nodes registered.")
      }
      let pods: [KubeObject] = try await context.client.list(.pods).items.filter { hosts.contains($0.spec["nodeName"].string ?? "") }
      guard pods.isEmpty else { throw DrillError(.notMet, "\(pods.map(\.key).joined(separator: ", ")) are bound to \(center).") }
      context.note("standby", center: center.value)
      return "\(nodes.count) nodes ready, no pod bound"
    }
  }
}
