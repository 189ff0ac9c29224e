import KubeClient
import KubeModel
import Logging
import Primitives

/// What a daemon remembers of the Failovers that wait to be accepted or refused.
struct FailoverRequests: Sendable {
  /// When each was first seen here.
  var openSince: [String: MonotonicTime] = [:]
  var isJudging: Bool = false
  var due = MonotonicTime(nanoseconds: 0)
}

/// A person's Failover is accepted or refused once, under the epoch in force when it is first seen, and is void when that epoch is over: a
/// request that was not carried out must never move the cluster later. One that is not its turn yet, or that waits for approvals, is
/// looked at
/// again, for a bounded time.
extension FederationController {
  /// - Parameter waiting: the move that waits now, and what is found about it.
  func startJudging(waiting: (name: String, findings: [Finding])?) {
    let now: MonotonicTime = clock.now()
    guard !requests.isJudging, now >= requests.due, let record: ActivationRecord = instance.view.record else { return }
    let isActive: Bool = instance.view.isActive(configuration.center, at: now)
    let known: [KubeObject] = failovers.cache.all
    let open: [KubeObject] = known.filter { ["", "Pending"].contains($0.status["phase"].string ?? "") }
    var since: [String: MonotonicTime] = [:]
    for failover in open { since[failover.name] = requests.openSince[failover.name] ?? now }
    requests.openSince = since
    if !open.isEmpty { requests.due = now + FederationLimits.requestPause }
    // The active center's daemons are the first; without one whoever is left does it.
    let mine: [KubeObject] = open.filter { failover in
      guard isActive || now >= (since[failover.name] ?? now) + FederationLimits.requestPatience else { return false }
      return verdict(failover, record).map { FailoverStatus.isNews($0, failover) } ?? false
    }
    var told: (name: String, findings: [Finding])?
    if isActive, let waiting, let failover = failovers.cache.get(name: waiting.name) {
      let before: [Finding] = failover.status["blocking"].array.map { Finding($0) }.blocking
      if !before.isAlike(waiting.findings.blocking) { told = waiting }
    }
    guard !mine.isEmpty || told != nil else { return }
    requests.isJudging = true
    Task {
      await self.judge(mine)
      if let told { await self.tell(told.name, told.findings) }
      self.requests.isJudging = false
    }
  }

  private func verdict(_ failover: KubeObject, _ record: ActivationRecord) -> FailoverVerdict? {
    guard let request = FailoverRequest(failover) else { return nil }
    return FailoverVerdict(failover, record, judging(request, record))
  }

  private func judging(_ request: FailoverRequest, _ record: ActivationRecord) -> Judging {
    let now: MonotonicTime = clock.now()
    var judging = Judging(order: configuration.cluster.order)
    judging.approvals = policy.approvals
    judging.others = failovers.cache.all.compactMap { FailoverRequest($0) }
    judging.drill =
      drills.cache.all.first {
        ["Running", "Verifying", "Restoring"].contains($0.status["phase"].string ?? "") && $0.spec["abort"].bool != true
      }.map { ($0.name, $0.spec["runbook"].string ?? "") }
    judging.silentFor = now - (instance.view.versionSeenAt ?? now)
    judging.lateAfter = FederationLimits.lateAfter(renewEvery: configuration.site.activation.renewEvery)
    judging.openFor = now - (requests.openSince[request.name] ?? now)
    judging.now = clock.wall()
    judging.namespaces = namespaces.hasSynced ? Set(namespaces.cache.all.map(\.name)) : nil
    let isRead: Bool = hasRead && clusters.hasSynced && drills.hasSynced
    if isRead, let to: CenterName = request.to {
      let facts: ReadinessFacts = facts(record).of(request.namespace)
      judging.findings = { ReadinessRules.findings(facts, .init(to, verb: request.verb)) }
    } else {
      judging.findings = { nil }
    }
    return judging
  }

  /// By a read that began after these objects were seen, so that the epoch it shows was in force while they were there.
  private func judge(_ open: [KubeObject]) async {
    guard !open.isEmpty else { return }
    do {
      let lease: KubeObject = try await client.get(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: configuration.cluster.name))
      let record = try ActivationRecord(lease)
      var others: [FailoverRequest]?
      let requests: [(FailoverRequest, KubeObject)] = open.compactMap { failover in FailoverRequest(failover).map { ($0, failover) } }
      for (request, failover) in requests.sorted(by: { FailoverRequest.isEarlier($0.0, $1.0) }) {
        var judging: Judging = judging(request, record)
        // What was accepted in this round is known to the next.
        judging.others = others ?? judging.others
        guard let verdict = FailoverVerdict(failover, record, judging), FailoverStatus.isNews(verdict, failover) else { continue }
        var changed: KubeObject = failover
        FailoverStatus.write(verdict, into: &changed, epoch: record.epoch, center: configuration.center, now: clock.wall())
        do {
          let stored: KubeObject = try await client.update(.failovers, changed, subresource: "status")
          others = judging.others.filter { $0.name != stored.name } + (FailoverRequest(stored).map { [$0] } ?? [])
          logger.notice("failover \(verdict)", metadata: ["failover": "\(failover.name)", "epoch": "\(record.epoch)"])
          audit.note(
            Decision(
              cluster: record.cluster, decision: verdict.decision, verb: request.verb.rawValue, failover: request.name,
              requestedBy: request.requestedBy, reason: verdict.reason, record: record, silentFor: judging.silentFor,
              findings: verdict.findings, votes: votes(instance.view)))
        } catch let error as KubeError where error.code == .conflict || error.code == .notFound {
          // Another host was first, or it was deleted.
        }
      }
    } catch {
      logger.debug("failovers cannot be judged: \(error)")
    }
  }

  private func tell(_ name: String, _ findings: [Finding]) async {
    var told: JSONValue = [:]
    FailoverStatus.tell(findings, in: &told)
    // A patch takes away what is null in it.
    if told["blocking"].isNull { told = ["blocking": .null, "message": .null] }
    do {
      _ = try await client.patch(.failovers, name: name, type: .merge, ["status": told], subresource: "status")
    } catch {
      logger.debug("what blocks the failover \(name) cannot be told: \(error)")
    }
  }

  /// Adds to a Failover's history what this center has done for it.
  func tellHistory(_ name: String?, _ what: String, _ message: String) async {
    guard let name else { return }
    do {
      try await retryOnConflict {
        guard var failover: KubeObject = try await client.find(.failovers, name: name) else { return }
        FailoverStatus.add(what, message, center: configuration.center, in: &failover.json["status"], clock.wall().rfc3339Micro)
        _ = try await client.update(.failovers, failover, subresource: "status")
      }
    } catch {
      logger.debug("the history of \(name) cannot be told: \(error)")
    }
  }

  /// Writes the activation in force into the Failover that asked for it, or into a new one that says why. Called again with every round
  /// until it has succeeded; throws what the API refuses.
  func recordFailover(_ record: ActivationRecord, silentFor: Duration? = nil) async throws {
    guard record.epoch > 1, record.epoch != recordedEpoch, let from: CenterName = record.previous, from != record.center else { return }
    // The Cluster shows an epoch only after its Failover was written; one that people deleted since stays away.
    guard clusters.cache.get(name: record.cluster)?.status["activation"]["epoch"].int != record.epoch else { return }
    var failover: KubeObject? = try await client.find(.failovers, name: FederationObjects.failoverName(record))
    if failover == nil, record.failover == nil {
      failover = try await client.create(.failovers, FederationObjects.failover(record, from: from, silentFor: silentFor))
    }
    if var failover, failover.status["epoch"].int != record.epoch {
      FederationObjects.activate(&failover, record, from: from, now: clock.wall())
      _ = try await client.update(.failovers, failover, subresource: "status")
    }
    recordedEpoch = record.epoch
  }
}
