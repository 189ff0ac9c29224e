import KubeClient
import KubeModel
import Logging
import Primitives
import Site

/// This host's part in a handover: it says that its own daemon has stopped, and looks whether everybody else of the center has.
extension FederationController {
  /// What the instance is told of a handover at this tick; starts what has to be found out or reported.
  func surroundings(
    _ record: ActivationRecord?, planned: FailoverRequest?, findings: [Finding]
  ) -> ActivationInstance.Surroundings {
    var found = ActivationInstance.Surroundings(
      plannedTo: planned?.to, plannedBy: planned?.name, epochFloor: instance.isAbsent ? epochFloor() : nil)
    let policy: ClusterPolicy = policy
    (found.automaticTo, found.automaticSilence) = (policy.automaticTo, policy.silence)
    guard let record, record.center == configuration.center else { return found }
    (found.evacuations, found.stoppedPlacements) = (evacuations(record), stoppedPlacements(record))
    guard record.handover != nil else {
      if let planned, planned.to != configuration.center { found.plannedObstacles = findings.blocking.map(\.sentence) }
      return found
    }
    if !isReportingYield { startReportingYield(record) }
    found.everybodyStopped = stoppedEpoch == record.epoch
    return found
  }

  /// The newest epoch that objects besides the record tell of; nil before they have been read. A record that was deleted must not come back
  /// under an epoch that nodes have obeyed already.
  private func epochFloor() -> Int64? {
    guard clusters.hasSynced, nodes.hasSynced else { return nil }
    let mirrored: Int64 = clusters.cache.get(name: configuration.cluster.name)?.status["activation"]["epoch"].int ?? 0
    let observed: [Int64] = nodes.cache.all.compactMap { $0.annotations[FederationNames.observedEpochAnnotation].flatMap { Int64($0) } }
    return max(mirrored, observed.max() ?? 0)
  }

  /// One round at a time; the next begins with a later tick.
  private func startReportingYield(_ record: ActivationRecord) {
    let now: MonotonicTime = clock.now()
    guard now >= yieldReportDue, stoppedEpoch != record.epoch || controlYieldedEpoch != record.epoch else { return }
    isReportingYield = true
    yieldReportDue = now + configuration.handoverLook
    Task {
      await self.reportYield(record)
      self.isReportingYield = false
    }
  }

  private func reportYield(_ record: ActivationRecord) async {
    do {
      // What was begun while this center was active is over before this daemon says that it stopped.
      if controlYieldedEpoch != record.epoch, !isEnforcing {
        let annotations: JSONValue = [FederationNames.controlYieldedEpochAnnotation: .string(String(record.epoch))]
        _ = try await client.patch(.nodes, name: configuration.host.value, type: .merge, ["metadata": ["annotations": annotations]])
        controlYieldedEpoch = record.epoch
      }
      var leases: [KubeObject] = []
      for name in [FederationNames.controllerManagerLease, FederationNames.schedulerLease] {
        if let lease: KubeObject = try await client.find(.leases, namespace: ActivationRecord.namespace, name: name) {
          leases.append(lease)
        }
      }
      let hosts: [HostName] = configuration.site.center(configuration.center)?.hosts.map(\.name) ?? []
      let open: [String] = HandoverReport.unconfirmed(
        center: configuration.center, epoch: record.epoch, hosts: hosts, nodes: nodes.cache.all, leases: leases)
      if open.isEmpty { stoppedEpoch = record.epoch } else { logger.debug("giving way: \(open.joined(separator: "; "))") }
    } catch {
      logger.debug("giving way cannot be reported: \(error)")
    }
  }
}
