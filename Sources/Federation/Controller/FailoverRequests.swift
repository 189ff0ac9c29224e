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
/// request that was not carried out must never move the cluster later.
extension FederationController {
  /// - Parameter blocking: the move that waits now, and what stands against it.
  func startJudging(blocking: (name: String, obstacles: [String])?) {
    let now: MonotonicTime = clock.now()
    guard !requests.isJudging, now >= requests.due, let record: ActivationRecord = instance.view.record else { return }
    let isActive: Bool = instance.view.isActive(configuration.center, at: now)
    let open: [KubeObject] = failovers.cache.all.filter { verdict($0, record) != nil }
    var since: [String: MonotonicTime] = [:]
    for failover in open { since[failover.name] = requests.openSince[failover.name] ?? now }
    requests.openSince = since
    // The active center's daemons are the first; without one whoever is left does it.
    let mine: [KubeObject] = open.filter { isActive || now >= (since[$0.name] ?? now) + FederationLimits.requestPatience }
    var told: (name: String, obstacles: [String])?
    if isActive, let blocking, let failover = failovers.cache.get(name: blocking.name),
      failover.status["blocking"].array.compactMap(\.string) != blocking.obstacles
    {
      told = blocking
    }
    guard !mine.isEmpty || told != nil else { return }
    requests.isJudging = true
    requests.due = now + FederationLimits.requestPause
    Task {
      await self.judge(mine)
      if let told { await self.tell(told.name, told.obstacles) }
      self.requests.isJudging = false
    }
  }

  private func verdict(_ failover: KubeObject, _ record: ActivationRecord) -> FailoverVerdict? {
    FailoverVerdict(failover, record, order: configuration.cluster.order)
  }

  /// By a read that began after these objects were seen, so that the epoch it shows was in force while they were there.
  private func judge(_ open: [KubeObject]) async {
    guard !open.isEmpty else { return }
    do {
      let lease: KubeObject = try await client.get(
        .leases, namespace: ActivationRecord.namespace, name: ActivationRecord.name(cluster: configuration.cluster.name))
      let record = try ActivationRecord(lease)
      for failover in open {
        guard let verdict: FailoverVerdict = verdict(failover, record) else { continue }
        var changed: KubeObject = failover
        verdict.write(into: &changed, epoch: record.epoch, now: clock.wall())
        do {
          _ = try await client.update(.failovers, changed, subresource: "status")
          logger.notice("failover \(verdict)", metadata: ["failover": "\(failover.name)", "epoch": "\(record.epoch)"])
        } catch let error as KubeError where error.code == .conflict || error.code == .notFound {
          // Another host was first, or it was deleted.
        }
      }
    } catch {
      logger.debug("failovers cannot be judged: \(error)")
    }
  }

  private func tell(_ name: String, _ obstacles: [String]) async {
    let status: JSONValue =
      obstacles.isEmpty
      ? ["blocking": .null, "message": .null]
      : ["blocking": .array(obstacles.map { .string($0) }), "message": .string("It waits: " + obstacles.joined(separator: "; ") + ".")]
    do {
      _ = try await client.patch(.failovers, name: name, type: .merge, ["status": status], subresource: "status")
    } catch {
      logger.debug("what blocks the failover \(name) cannot be told: \(error)")
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
