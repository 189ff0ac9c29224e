import KubeClient
import KubeModel
import Logging
import Primitives
import Site

/// When the rules of readiness are evaluated, and by which facts.
extension FederationController {
  /// Without these nothing can be said of a center.
  var hasRead: Bool { nodes.hasSynced && pods.hasSynced && centers.hasSynced && gates.hasSynced }

  /// The Cluster's policy, as people have it now.
  var policy: ClusterPolicy {
    ClusterPolicy(clusters.cache.get(name: configuration.cluster.name), plan: configuration.cluster, site: configuration.site)
  }

  func facts(_ record: ActivationRecord?) -> ReadinessFacts {
    var hosts: [CenterName: [HostName]] = [:]
    for center in configuration.site.centers { hosts[center.name] = center.hosts.map(\.name) }
    var facts = ReadinessFacts(
      cluster: configuration.cluster.name, order: configuration.cluster.order, hosts: hosts, active: record?.center, now: clock.wall())
    facts.nodes = nodes.cache.all
    facts.pods = pods.cache.all
    facts.centers = centers.cache.all
    facts.gates = gates.cache.all
    facts.drills = drills.cache.all
    facts.vantages = heardVantages()
    return facts
  }

  /// What was said before the store was recovered is of a federation that is no more: its leader would still tell of its majority.
  func heardVantages() -> [HeardVantage] {
    let now: MonotonicTime = clock.now()
    let all: [HeardVantage] = heard.all(vantages.cache.all, cluster: configuration.cluster.name, now)
    guard let recoveredAt else { return all }
    return all.filter { now - $0.heardAgo >= recoveredAt }
  }

  /// What every vantage says of the active center; nil where nobody is asked.
  func votes(_ view: ActivationView) -> Votes? {
    guard let reporter, let record: ActivationRecord = view.record, record.center != configuration.center,
      let seenAt: MonotonicTime = view.countedFrom
    else { return nil }
    let now: MonotonicTime = clock.now()
    let isOver: Bool = now >= seenAt + record.lease && (view.lastReadBegan ?? seenAt) >= seenAt + record.lease
    return Votes(
      on: record.center, isLeaseOver: isOver, from: configuration.center, board: reporter.board, vantages: heardVantages(),
      order: configuration.cluster.order, now)
  }

  /// The active center's daemons every 30 s; another one when theirs is late.
  func startEvaluating() {
    let now: MonotonicTime = clock.now()
    guard !isEvaluating, now >= evaluateDue, hasRead, drills.hasSynced, let record: ActivationRecord = instance.view.record else { return }
    evaluateDue = now + .seconds(1)
    let isActive: Bool = instance.view.isActive(configuration.center, at: now)
    let wall: WallTime = clock.wall()
    let limit: Int64 =
      isActive ? ReadinessLimits.every.components.seconds : ReadinessLimits.lateAfterSeconds + Int64(instance.configuration.hostIndex)
    let facts: ReadinessFacts = facts(record)
    let due: [CenterName] = configuration.cluster.order.filter { center in
      guard let stored: KubeObject = centers.cache.get(name: center.value) else { return false }
      // What blocks is looked at again soon: people wait for its cure.
      let isBlocked: Bool = stored.status["readiness"]["findings"].array.contains { Finding($0).weight == .blocking }
      // A center that went dark is not told as ready for another half minute.
      if isActive, stored.status["phase"].string == "Unreachable", stored.status["readiness"]["ready"].bool == true { return true }
      let soon: Int64 = isBlocked && isActive ? ReadinessLimits.again.components.seconds : limit
      return Self.isOlder(stored.status["readiness"]["evaluatedAt"].string, than: soon, now: wall)
    }
    guard !due.isEmpty else { return }
    isEvaluating = true
    let source: String = "\(configuration.host) of \(configuration.center)"
    Task {
      for center in due {
        let findings: [Finding] = ReadinessRules.findings(facts, .init(center))
        let readiness: JSONValue = [
          "ready": .bool(findings.blocking.isEmpty), "evaluatedAt": .string(wall.rfc3339Micro), "source": .string(source),
          "rules": .int(Int64(ReadinessRules.all.count)), "findings": findings.json,
        ]
        do {
          _ = try await self.client.patch(
            .centers, name: center.value, type: .merge, ["status": ["readiness": readiness]], subresource: "status")
        } catch {
          self.logger.debug("the readiness of \(center) cannot be told: \(error)")
        }
      }
      self.isEvaluating = false
    }
  }
}
