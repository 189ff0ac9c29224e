import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Notices nodes that went silent, taints them, and moves pods off tainted nodes when their tolerations run out. A center that the
/// federation fenced does not wait for this.
final class NodeHealthController: Reconciler {
  static let leaseNamespace: String = "kube-node-lease"
  let name: String = "nodehealth"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let nodes: Informer
  private let leases: Informer
  private let pods: Informer
  /// The federation's word about centers; empty where there is no federation.
  private let centers: Informer
  private let instance: Mutex<NodeHealthInstance>
  private let rate: Mutex<EvictionRate>
  private let logger = Logger(label: "controllers.nodehealth")

  init(_ environment: ControllerEnvironment, settings: NodeHealthInstance.Settings, rate: EvictionRate.Settings) {
    self.environment = environment
    instance = Mutex(NodeHealthInstance(settings: settings))
    self.rate = Mutex(EvictionRate(settings: rate))
    queue = WorkQueue(name: name, limits: WorkQueueLimits(longestRetry: .seconds(10)), clock: environment.clock)
    nodes = environment.informers.informer(.nodes)
    leases = environment.informers.informer(.leases, namespace: Self.leaseNamespace)
    pods = environment.informers.informer(.pods, indexes: [.node])
    centers = environment.informers.informer(.centers)
    // Seen on standbys as well: a controller that starts leading knows since when each node is silent.
    nodes.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onNode($0) },
        onUpdate: { [weak self] in self?.onNode($1) },
        onDelete: { [weak self] node in self?.instance.withLock { $0.onGone(node.name) } }))
    leases.addHandler(
      InformerHandlers(onAdd: { [weak self] in self?.onLease($0) }, onUpdate: { [weak self] in self?.onLease($1) }))
    centers.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onCenter($0) }, onUpdate: { [weak self] in if $0.status != $1.status { self?.onCenter($1) } }))
    pods.addHandler(
      InformerHandlers(
        onAdd: { [weak self] in self?.onPod($0) },
        onUpdate: { [weak self] old, new in if old.nodeName != new.nodeName { self?.onPod(new) } }))
  }

  private func onNode(_ node: KubeObject) {
    let now: MonotonicTime = environment.clock.now()
    instance.withLock { $0.onSeen(node: node, lease: leases.cache["\(Self.leaseNamespace)/\(node.name)"], now: now) }
    queue.add(node.name)
  }

  private func onLease(_ lease: KubeObject) {
    guard let node: KubeObject = nodes.cache[lease.name] else { return }
    let now: MonotonicTime = environment.clock.now()
    instance.withLock { $0.onSeen(node: node, lease: lease, now: now) }
    // A node that was silent and speaks again is looked at at once; the others when their time comes.
    if node.condition("Ready")?["status"].string == "Unknown" { queue.add(node.name) }
  }

  private func onCenter(_ center: KubeObject) {
    guard Self.isDark(center) else { return }
    for node in nodes.cache.all where node.labels[Self.centerLabel] == center.name { queue.add(node.name) }
  }

  private static let centerLabel: String = "federation.tricenter.io/center"
  private static func isDark(_ center: KubeObject) -> Bool { center.status["phase"].string == "Unreachable" }
  private func isDark(_ node: KubeObject) -> Bool { node.labels[Self.centerLabel].flatMap { centers.cache[$0] }.map(Self.isDark) ?? false }

  private func onPod(_ pod: KubeObject) {
    guard let node: KubeObject = nodes.cache[pod.nodeName], node.taints.contains(where: { $0.effect == "NoExecute" }) else { return }
    queue.add(node.name)
  }

  func reconcile(_ key: String) async throws {
    guard let node: KubeObject = nodes.cache[key] else { return }
    let now: MonotonicTime = environment.clock.now()
    let wall: WallTime = environment.clock.wall()
    let dark: Bool = isDark(node)
    let (silent, next): (Bool, Duration) = instance.withLock {
      ($0.isSilent(key, isDark: dark, now: now), $0.nextLook(key, isDark: dark, now: now))
    }
    queue.add(key, after: next)
    if silent { try await reportSilent(node, wall) }
    try await taint(node, silent: silent, now, wall)
    if let wait: Duration = try await evict(node, wall) { queue.add(key, after: wait) }
  }

  private func reportSilent(_ node: KubeObject, _ now: WallTime) async throws {
    if let conditions: [JSONValue] = NodeHealthInstance.silentConditions(node, now: now) {
      var changed: KubeObject = node
      changed.json["status"]["conditions"] = .array(conditions)
      _ = try await environment.client.update(.nodes, changed, subresource: "status")
      logger.warning("node \(node.name) stopped posting its status")
      environment.events.event(node, .normal, reason: "NodeNotReady", message: "Node \(node.name) status is now: NodeNotReady")
    }
    for pod in pods.cache.indexed(.node, node.name) {
      guard let conditions: [JSONValue] = NodeHealthInstance.notReadyConditions(pod, now: now) else { continue }
      var changed: KubeObject = pod
      changed.json["status"]["conditions"] = .array(conditions)
      do {
        _ = try await environment.client.update(.pods, changed, subresource: "status")
      } catch let error as KubeError where error.code == .notFound || error.code == .conflict {
        continue
      }
    }
  }

  private func taint(_ node: KubeObject, silent: Bool, _ now: MonotonicTime, _ wall: WallTime) async throws {
    var judged: KubeObject = node
    if silent {
      judged.json["status"]["conditions"] = .array(NodeHealthInstance.silentConditions(node, now: wall) ?? node.status["conditions"].array)
    }
    guard var taints: [JSONValue] = NodeHealthInstance.taints(judged, now: wall) else { return }
    let evicting: [JSONValue] = taints.filter { taint in
      taint["effect"].string == "NoExecute" && NodeHealthInstance.owned.contains(taint["key"].string ?? "")
        && !node.spec["taints"].array.contains { $0["key"] == taint["key"] && $0["effect"] == taint["effect"] }
    }
    if !evicting.isEmpty, !mayEvict(node, now) {
      taints.removeAll { evicting.contains($0) }
      queue.add(node.name, after: .seconds(1))
      if taints == node.spec["taints"].array { return }
    }
    var changed: KubeObject = node
    changed.json["spec"]["taints"] = taints.isEmpty ? .null : .array(taints)
    _ = try await environment.client.update(.nodes, changed)
  }

  /// The zone's rate, by how many of its nodes are well.
  private func mayEvict(_ node: KubeObject, _ now: MonotonicTime) -> Bool {
    let label: String = "topology.kubernetes.io/zone"
    let zone: String = node.labels[label] ?? ""
    var ready: Int = 0
    var notReady: Int = 0
    var anotherIsHealthy: Bool = false
    let silent: Set<String> = instance.withLock { instance in Set(nodes.cache.keys.filter { instance.isSilent($0, now: now) }) }
    for other in nodes.cache.all {
      let well: Bool = other.isReadyPod && !silent.contains(other.name)
      if other.labels[label] ?? "" == zone { if well { ready += 1 } else { notReady += 1 } } else if well { anotherIsHealthy = true }
    }
    return rate.withLock { rate in
      rate.take(zone: zone, rate: rate.rate(ready: ready, notReady: notReady, anotherZoneIsHealthy: anotherIsHealthy), now: now)
    }
  }

  /// Deletes what has to leave; returns when the next has to.
  private func evict(_ node: KubeObject, _ now: WallTime) async throws -> Duration? {
    var next: Duration?
    for pod in pods.cache.indexed(.node, node.name) {
      switch EvictionPlan.of(pod, taints: node.taints, now: now) {
      case .stay: continue
      case .leaveAt(let time):
        let wait: Duration = .seconds(max(1, time.secondsSince1970 - now.secondsSince1970))
        next = min(next ?? wait, wait)
      case .leaveNow:
        environment.events.event(pod, .normal, reason: "TaintManagerEviction", message: "Marking for deletion Pod \(pod.key)")
        do {
          // Nobody on a fenced node will say that the pod has ended.
          let grace: Int64? = node.isFencedNode ? 0 : nil
          try await environment.client.delete(
            .pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(gracePeriodSeconds: grace, uid: pod.uid))
        } catch let error as KubeError where error.code == .notFound || error.code == .conflict {
          continue
        }
      }
    }
    return next
  }
}
