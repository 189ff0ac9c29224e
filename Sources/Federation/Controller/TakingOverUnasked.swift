import KubeClient
import KubeModel
import Logging
import Primitives

/// What the Cluster's policy says of a takeover that nobody asked for.
extension FederationController {
  /// What keeps the federation from acting by itself, besides what keeps everybody.
  func automaticObstacles(_ view: ActivationView) -> [String] {
    var against: [String] = []
    let (name, own): (String, CenterName) = (configuration.cluster.name, configuration.center)
    let cluster: KubeObject? = clusters.cache.get(name: name)
    if cluster?.spec["paused"].bool == true {
      against.append("automatic failover of \(name) is suspended (spec.paused of the Cluster)")
    }
    let policy: ClusterPolicy = policy
    if let finding = FlapDamping.obstacle(
      cluster?.status ?? .null, interval: policy.minimumInterval, cluster: name, now: clock.wall())
    {
      against.append(finding.sentence)
    }
    if policy.approvals.applies(verb: Verb.automatic, target: own) {
      against.append("a takeover by \(own) needs approval (spec.policy.requireApproval of the Cluster)")
    }
    if let obstacle: String = votes(view)?.obstacle { against.append(obstacle) }
    return against
  }

  /// Where only approval is missing, people are asked for it: a Failover in the federation's name, which waits for their word.
  func propose(_ record: ActivationRecord) {
    let own: CenterName = configuration.center
    let policy: ClusterPolicy = policy
    guard policy.automaticTo.contains(own), proposedEpoch != record.epoch, record.center != own,
      policy.approvals.applies(verb: Verb.automatic, target: own)
    else { return }
    proposedEpoch = record.epoch
    Task {
      do {
        _ = try await self.client.create(.failovers, FederationObjects.proposal(record, to: own))
      } catch let error as KubeError where error.code == .alreadyExists {
        // Another host asked.
      } catch {
        self.logger.warning("people cannot be asked for their approval: \(error)")
        self.proposedEpoch = 0
      }
    }
  }
}
