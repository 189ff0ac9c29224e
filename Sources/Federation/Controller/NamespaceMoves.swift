import KubeClient
import KubeModel
import Logging
import Primitives
import Site

/// The active center moves single namespaces: it tells its instance which, and whether everybody has stopped; and it makes the objects say
/// what has become of them.
extension FederationController {
  /// Namespaces that are to be moved now: those that people ask for, and those whose center is gone.
  func evacuations(_ record: ActivationRecord) -> [ActivationInstance.Evacuation] {
    // Asked with every tick: most Failovers are over, and are not looked into.
    let asked: [FailoverRequest] = failovers.cache.all.filter {
      $0.spec["kind"].string == Verb.evacuate.rawValue && ["", "Pending"].contains($0.status["phase"].string ?? "")
    }.compactMap { FailoverRequest($0) }
    return asked.sorted { FailoverRequest.isEarlier($0, $1) }.compactMap { $0.evacuation(record) } + returns(record)
  }

  /// A namespace whose center is gone comes to the active one, as everything does after a loss: by the word of the own center and of every
  /// other that says anything, one at least, and never where the policy wants people's word. Nothing goes away by itself, so nothing flaps.
  private func returns(_ record: ActivationRecord) -> [ActivationInstance.Evacuation] {
    let placed: [NamespacePlacement] = record.placements.filter { $0.yieldsTo == nil && $0.center != configuration.center }
    guard !placed.isEmpty, let reporter, clusters.hasSynced else { return [] }
    let policy: ClusterPolicy = policy
    guard clusters.cache.get(name: record.cluster)?.spec["paused"].bool != true,
      !policy.approvals.applies(verb: Verb.automatic, target: configuration.center)
    else { return [] }
    let silence: Duration = max(record.lease, policy.silence)
    let (now, board, vantages): (MonotonicTime, ProbeBoard, [HeardVantage]) = (clock.now(), reporter.board, heardVantages())
    return placed.filter { placement in
      Self.isGone(placement.center, for: silence, from: configuration.center, board: board, vantages: vantages, now)
    }.map { .init(namespace: $0.namespace, to: configuration.center) }
  }

  /// Whether the own center and every third one that says anything, one at least, find nobody of `center`.
  static func isGone(
    _ center: CenterName, for silence: Duration, from own: CenterName, board: ProbeBoard, vantages: [HeardVantage], _ now: MonotonicTime
  ) -> Bool {
    guard board.knows(now), board.silence(of: center, now) >= silence else { return false }
    let others: [Bool] = vantages.filter { $0.isHost && $0.isFresh && $0.center != own && $0.center != center }
      .compactMap { vantage in vantage.spec["sees"].array.first { $0["center"].string == center.value }?["reachable"].bool }
    return !others.isEmpty && !others.contains(true)
  }

  /// Placements that give way and of which every host of their center has said that it stopped. What Nodes say of a placement stays true,
  /// so a cache that lags behind makes this late and never wrong.
  func stoppedPlacements(_ record: ActivationRecord) -> Set<UInt64> {
    var stopped: Set<UInt64> = []
    for placement in record.placements where placement.yieldsTo != nil {
      let own: [KubeObject] = nodes.cache.all.filter { $0.labels[FederationNames.centerLabel] == placement.center.value }
      let hosts: [HostName] = configuration.site.center(placement.center)?.hosts.map(\.name) ?? []
      if Self.haveStopped(placement, hosts: hosts, nodes: own) { stopped.insert(placement.token) }
      if let name: String = placement.failover, leavingPods[name] == nil {
        leavingPods[name] = exclusivePods(of: placement.namespace).count
      }
    }
    return stopped
  }

  static func haveStopped(_ placement: NamespacePlacement, hosts: [HostName], nodes: [KubeObject]) -> Bool {
    let names: Set<String> = Set(hosts.map(\.value) + nodes.map(\.name))
    return names.allSatisfy { name in
      let told: String = nodes.first { $0.name == name }?.annotations[FederationNames.stoppedPlacementsAnnotation] ?? ""
      return told.split(separator: ",").contains { UInt64($0) == placement.token }
    }
  }

  private func exclusivePods(of namespace: String) -> [KubeObject] {
    pods.cache.all.filter {
      $0.namespace == namespace && !WorkloadTier($0).isEverywhere && !["Succeeded", "Failed"].contains($0.status["phase"].string ?? "")
    }
  }

  /// Writes into the Failovers how far their namespaces are; throws what the API refuses.
  func followEvacuations(_ record: ActivationRecord) async throws {
    // Of those that are over, by whoever carried them out, nothing is remembered.
    leavingPods = leavingPods.filter { name, _ in failovers.cache.get(name: name).map { $0.status["finishedAt"].isNull } ?? false }
    for failover in failovers.cache.all {
      guard let request = FailoverRequest(failover), request.verb == .evacuate, request.cluster == record.cluster, !request.isDryRun,
        let namespace: String = request.namespace, let to: CenterName = request.to, record.home(of: namespace) == to
      else { continue }
      let isCarriedOut: Bool = request.acceptedEpoch == record.epoch || record.placement(of: namespace)?.failover == request.name
      var changed: KubeObject = failover
      if request.isOpen, isCarriedOut {
        FederationObjects.activate(&changed, record, namespace: namespace, to: to, now: clock.wall())
      } else if request.phase == "Activating" {
        guard arePodsThere(namespace, to, leavingPods[request.name] ?? 0, since: request.startedAt) else { continue }
        FailoverStatus.complete(
          &changed, "every exclusive pod of \(namespace) runs in \(to)", center: configuration.center, now: clock.wall())
      } else {
        continue
      }
      do {
        _ = try await client.update(.failovers, changed, subresource: "status")
      } catch let error as KubeError where error.code == .conflict || error.code == .notFound {
        // Another host was first, its history grew, or it was deleted: the next round looks again.
      }
    }
  }

  /// As many pods as before run again, all of them where they belong. A workload that was scaled down meanwhile has fewer: after a while
  /// those that are there are enough.
  private func arePodsThere(_ namespace: String, _ center: CenterName, _ count: Int, since: WallTime?) -> Bool {
    let own: Set<String> = Set(nodes.cache.all.filter { $0.labels[FederationNames.centerLabel] == center.value }.map(\.name))
    let all: [KubeObject] = exclusivePods(of: namespace)
    let isSettled: Bool = since.map { clock.wall().secondsSince1970 - $0.secondsSince1970 >= FederationLimits.settlingSeconds } ?? false
    return (all.count >= count || isSettled)
      && all.allSatisfy { $0.status["phase"].string == "Running" && own.contains($0.spec["nodeName"].string ?? "") }
  }

  /// What the Cluster's status says of namespaces that are placed apart.
  static func placements(_ record: ActivationRecord) -> JSONValue {
    guard !record.placements.isEmpty else { return .null }
    return .array(
      record.placements.sorted { $0.namespace < $1.namespace }.map { placement in
        var json: JSONValue = ["name": .string(placement.namespace), "center": .string(placement.center.value)]
        if let to: CenterName = placement.yieldsTo { json["movingTo"] = .string(to.value) }
        if let failover: String = placement.failover { json["failover"] = .string(failover) }
        return json
      })
  }
}
