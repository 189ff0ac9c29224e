import Federation
import KubeClient
import KubeModel
import Primitives

/// The second half: the surviving center becomes active, and something runs there.
extension DisasterRecovery {
  /// By a Failover, as any other: judged, in the audit trail, and with the approvals that the policy wants.
  func activate(_ outcome: inout DisasterOutcome, _ storeEpoch: UInt64, _ started: MonotonicTime) async throws {
    guard let before: ActivationRecord = outcome.before else {
      throw CommandFailure(.failed, "\(cluster.name) has no activation: it was never active anywhere, so nothing can be taken over.")
    }
    guard before.center != center else {
      outcome.after = before
      end("activate", "\(center) is the active center already, epoch \(before.epoch)", &outcome, started)
      return
    }
    let deadline: MonotonicTime = clock.now() + limit
    let name: String = try await ask(before, storeEpoch, deadline)
    say("operation/\(name): \(center) asks for \(cluster.name); a lease is waited for", started)
    var told: Int = 0
    var waits: String = ""
    while true {
      let (found, failover): (ActivationRecord?, KubeObject?) = try await patiently(deadline) {
        (try await record(), try await client.find(.failovers, name: name))
      }
      for entry in failover?.status["history"].array.dropFirst(told) ?? [] {
        say(OperationText.line(entry), started)
        told += 1
      }
      let message: String = failover?.status["message"].string ?? ""
      if message != waits, !message.isEmpty { say(message, started) }
      waits = message
      if let found, found.center == center, found.epoch > before.epoch {
        outcome.after = found
        end("activate", "\(center) is active, epoch \(found.epoch) (before: \(before.center), epoch \(before.epoch))", &outcome, started)
        return
      }
      if ["Refused", "Failed"].contains(failover?.status["phase"].string ?? "") {
        throw CommandFailure(
          .failed,
          "The store is recovered, epoch \(storeEpoch), and \(name) was refused: \(message) Cure it, and run this command again.")
      }
      guard clock.now() < deadline else {
        throw CommandFailure(
          .unknown,
          "The store is recovered, epoch \(storeEpoch); \(center) is not active after \(limit). \(waits) "
            + "Look: tricenter operation watch \(name), then run this command again.")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// The name of the Failover that asks for it: one of a run before if it was not refused.
  private func ask(_ before: ActivationRecord, _ storeEpoch: UInt64, _ deadline: MonotonicTime) async throws -> String {
    for number in 1...DisasterLimits.failovers {
      let object: KubeObject = DisasterObjects.failover(
        cluster: cluster.name, to: center, storeEpoch: storeEpoch, number: number, epoch: before.epoch, by: by, drill: drill)
      let known: KubeObject? = try await patiently(deadline) {
        do {
          return try await client.create(.failovers, object)
        } catch let error as KubeError where error.code == .alreadyExists {
          return try await client.find(.failovers, name: object.name)
        }
      }
      if !["Refused", "Failed"].contains(known?.status["phase"].string ?? "") { return object.name }
    }
    throw CommandFailure(.failed, "\(DisasterLimits.failovers) Failovers to \(center) were refused: tricenter operation list tells why.")
  }

  /// Until something that runs in one center only runs here; where nothing of the kind is wanted, that is said.
  func workload(_ outcome: inout DisasterOutcome, _ started: MonotonicTime) async throws {
    let deadline: MonotonicTime = clock.now() + limit
    let hosts: Set<String> = Set(setting.center.hosts.map(\.name.value))
    while true {
      let (pods, deployments): ([KubeObject], [KubeObject]) = try await patiently(deadline) {
        (try await client.list(.pods).items, try await client.list(.deployments).items)
      }
      let exclusive: [KubeObject] = pods.filter { !WorkloadTier($0).isEverywhere && !$0.isBeingDeleted }
      let running: [KubeObject] = exclusive.filter { hosts.contains($0.spec["nodeName"].string ?? "") && isReady($0) }
      if let first: KubeObject = running.min(by: { $0.key < $1.key }) {
        outcome.workload = first.key
        end("workload", "\(first.key) runs on \(first.spec["nodeName"].string ?? ""), \(running.count) so far", &outcome, started)
        return
      }
      let isWanted: Bool =
        !exclusive.isEmpty
        || deployments.contains { ($0.spec["replicas"].int ?? 1) > 0 && WorkloadTier.named(byWorkload: $0)?.isEverywhere != true }
      guard isWanted else {
        end("workload", "\(cluster.name) has no exclusive workload: nothing was to be started", &outcome, started)
        return
      }
      guard clock.now() < deadline else {
        throw CommandFailure(
          .failed,
          "\(center) is active, and after \(limit) none of \(exclusive.count) exclusive pods is ready there: "
            + "kubectl get pods -A -o wide tells why.")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func isReady(_ pod: KubeObject) -> Bool {
    pod.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }
}
