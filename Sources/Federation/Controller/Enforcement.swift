import KubeClient
import KubeModel
import Logging
import Primitives
import Site

extension FederationController {
  /// Writes at the same time when many nodes or pods are concerned.
  static let parallelWrites: Int = 16

  /// One round of making the cluster as the activation wants it. Every part looks first, so a round with nothing to do writes nothing.
  func enforce(_ record: ActivationRecord) async {
    guard nodes.hasSynced, pods.hasSynced else { return }
    // Beside each other: what allows a pod to be replaced is the activation that was written, not the taint, which is for everybody else.
    async let fenced: Void = fenceNodes(record)
    async let replaced: Void = deleteLostPods(record)
    _ = await (fenced, replaced)
    do {
      try await recordFailover(record)
      try await maintainObjects(record)
      try await finishFailover(record)
      try await followEvacuations(record)
      try await reprotect(record)
    } catch {
      logger.debug("federation objects cannot be written: \(error)")
    }
  }

  private func fenceNodes(_ record: ActivationRecord) async {
    let all: [KubeObject] = nodes.cache.all
    await inParallel(all) { node in
      guard let action = Fencing.action(node: node, activeCenter: record.center.value, epoch: record.epoch) else { return }
      do {
        _ = try await self.client.update(.nodes, Fencing.apply(action, to: node, epoch: record.epoch, now: self.clock.wall()))
        self.logger.notice(
          "node \(action == .fence ? "fenced" : "released")", metadata: ["node": "\(node.name)", "epoch": "\(record.epoch)"])
      } catch let error as KubeError where error.code == .conflict || error.code == .notFound {
        // It changed meanwhile; the next round looks again.
      } catch {
        self.logger.warning("node \(node.name) cannot be changed: \(error)")
      }
    }
  }

  private func deleteLostPods(_ record: ActivationRecord) async {
    let others: [KubeObject] = nodes.cache.all.filter {
      Fencing.fencedTaint($0) != nil || Fencing.action(node: $0, activeCenter: record.center.value, epoch: record.epoch) == .fence
    }
    let centers: [String: String] = Dictionary(
      nodes.cache.all.compactMap { node in
        // A node of no center is foreign once there was another activation; before, it is nobody's business.
        (node.labels[FederationNames.centerLabel] ?? (record.epoch > 1 ? "" : nil)).map { (node.name, $0) }
      }, uniquingKeysWith: { $1 })
    let lost: [KubeObject] = Fencing.lostPods(
      pods.cache.all, fencedNodes: Set(others.map(\.name)), centers: centers, home: { record.home(of: $0)?.value })
    await inParallel(lost) { pod in
      do {
        try await self.client.delete(
          .pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(gracePeriodSeconds: 0, uid: pod.uid))
      } catch let error as KubeError where error.code == .notFound || error.code == .conflict {
        // Gone already, or its name belongs to another pod by now.
      } catch {
        self.logger.warning("pod \(pod.key) of another center's node cannot be deleted: \(error)")
      }
    }
    if !lost.isEmpty {
      logger.notice("pods of other centers' nodes deleted", metadata: ["count": "\(lost.count)", "epoch": "\(record.epoch)"])
    }
  }

  private func maintainObjects(_ record: ActivationRecord) async throws {
    let site: Site = configuration.site
    let now: String = clock.wall().rfc3339Micro
    for center in site.centers {
      let stored: KubeObject = try await ensure(.centers, FederationObjects.center(center, site: site))
      let status: JSONValue = FederationObjects.centerStatus(
        center, nodes: nodes.cache.all, active: record.center, cluster: record.cluster, silence: silence(of: center.name),
        patience: VantageLimits.centerPatience(lease: record.lease), source: "\(configuration.host) of \(configuration.center)", now: now)
      var (before, after): (JSONValue, JSONValue) = (stored.status, status)
      for field in ["lastHeard", "readiness", "source"] { (before[field], after[field]) = (.null, .null) }
      // The time alone is told every ten seconds only: each write goes to every center.
      if before != after || Self.isOlder(stored.status["lastHeard"].string, than: 10, now: clock.wall()) && !after["ready"].isNull {
        _ = try await client.patch(.centers, name: center.name.value, type: .merge, ["status": status], subresource: "status")
      }
    }
    let cluster: KubeObject = try await ensure(.clusters, FederationObjects.cluster(configuration.cluster, site: site))
    let known: JSONValue = cluster.status["activation"]
    var changed: KubeObject = cluster
    let placed: JSONValue = Self.placements(record)
    guard known["epoch"].int != record.epoch || known["center"].string != record.center.value else {
      guard cluster.status["namespaces"] != placed else { return }
      changed.status["namespaces"] = placed
      _ = try await client.update(.clusters, changed, subresource: "status")
      return
    }
    changed.status = FederationObjects.clusterStatus(
      cluster, record, since: now, reason: reason(of: record),
      failover: record.previous == nil || record.previous == record.center ? nil : FederationObjects.failoverName(record))
    changed.status["namespaces"] = placed
    _ = try await client.update(.clusters, changed, subresource: "status")
  }

  /// Nil: nobody asks that center, or it is this one.
  private func silence(of center: CenterName) -> Duration? {
    guard let reporter, center != configuration.center else { return nil }
    let now: MonotonicTime = clock.now()
    let board: ProbeBoard = reporter.board
    return board.knows(now) ? board.silence(of: center, now) : nil
  }

  private func reason(of record: ActivationRecord) -> String {
    if record.epoch == 1 { return "Initial" }
    if record.previous == record.center { return "Resumed" }
    return record.failover == nil ? "Unplanned" : "Planned"
  }

  /// The object as stored, made from the site file when it is missing. An existing one is left as people changed it.
  private func ensure(_ resource: ResourceName, _ wanted: KubeObject) async throws -> KubeObject {
    if let stored: KubeObject = try await client.find(resource, name: wanted.name) { return stored }
    return try await client.create(resource, wanted)
  }

  static func isOlder(_ time: String?, than seconds: Int64, now: WallTime) -> Bool {
    guard let time, let then = WallTime(rfc3339: time) else { return true }
    return now.secondsSince1970 - then.secondsSince1970 >= seconds
  }

  /// The failover is done once no pod is bound to a fenced node and every pod that is left runs.
  private func finishFailover(_ record: ActivationRecord) async throws {
    guard record.epoch > 1, let failover: KubeObject = currentFailover(record), failover.status["phase"].string == "Activating" else {
      return
    }
    let fenced: Set<String> = Set(nodes.cache.all.filter { Fencing.fencedTaint($0) != nil }.map(\.name))
    let open: [KubeObject] = pods.cache.all.filter { pod in
      !["Running", "Succeeded", "Failed"].contains(pod.status["phase"].string ?? "") || fenced.contains(pod.spec["nodeName"].string ?? "")
    }
    guard open.isEmpty else { return }
    var changed: KubeObject = failover
    FailoverStatus.complete(
      &changed, "every pod runs, none on a fenced node", center: configuration.center, now: clock.wall())
    do {
      _ = try await client.update(.failovers, changed, subresource: "status")
    } catch let error as KubeError where error.code == .conflict {
      // Another host was first, or its history grew: the next round looks again.
    }
  }

  private func inParallel(_ objects: [KubeObject], _ body: @escaping @Sendable (KubeObject) async -> Void) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, object) in objects.enumerated() {
        if index >= Self.parallelWrites { await group.next() }
        group.addTask { await body(object) }
      }
    }
  }
}
