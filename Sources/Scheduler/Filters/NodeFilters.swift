import KubeModel
import Primitives

/// Filters that look at one node alone. Each returns why not, or nil.
enum NodeFilters {
  /// Only the active center's nodes take pods: others stand by. `hot` pods go to any center's, but never to a node that is fenced: it
  /// may be dead, whatever the pod tolerates.
  static func center(_ pod: PodInfo, _ node: NodeInfo, active: CenterName?) -> Refusal? {
    guard let active else { return .center(nil) }
    if node.center == active { return nil }
    guard pod.tier.isEverywhere, node.center != nil else { return .center(active.value) }
    return node.taints.first { $0.key == NodeInfo.fencedTaint }.map { .taint($0.key, $0.value) }
  }

  /// A node that just appeared, or went not ready, has no taint that says so until its health was looked at.
  static func readiness(_ pod: PodInfo, _ node: NodeInfo) -> Refusal? {
    if node.isReady { return nil }
    let taint = NodeInfo.Taint(key: "node.kubernetes.io/not-ready", value: "", effect: "NoSchedule")
    return pod.tolerations.contains { taint.isTolerated(by: $0) } ? nil : .notReady
  }

  static func unschedulable(_ pod: PodInfo, _ node: NodeInfo) -> Refusal? {
    guard node.isUnschedulable else { return nil }
    let taint = NodeInfo.Taint(key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule")
    return pod.tolerations.contains { taint.isTolerated(by: $0) } ? nil : .unschedulable
  }

  static func taints(_ pod: PodInfo, _ node: NodeInfo) -> Refusal? {
    for taint in node.taints where taint.effect == "NoSchedule" || taint.effect == "NoExecute" {
      if !pod.tolerations.contains(where: { taint.isTolerated(by: $0) }) { return .taint(taint.key, taint.value) }
    }
    return nil
  }

  static func affinity(_ pod: PodInfo, _ node: NodeInfo) -> Refusal? {
    guard pod.nodeSelector.allSatisfy({ node.labels[$0.key] == $0.value }) else { return .nodeAffinity }
    guard let terms: [NodeTerm] = pod.requiredNodes else { return nil }
    return terms.contains { $0.matches(node) } ? nil : .nodeAffinity
  }

  static func ports(_ pod: PodInfo, _ node: NodeInfo) -> Refusal? {
    guard !pod.ports.isEmpty else { return nil }
    for other in node.pods.values where !other.ports.isEmpty {
      if other.ports.contains(where: { taken in pod.ports.contains { $0.conflicts(with: taken) } }) { return .ports }
    }
    return nil
  }

  /// Waves: a node that has not started what it has gets no more, so the first to start are those of the highest priority, and the next
  /// come as fast as the node starts them.
  static func wave(_ node: NodeInfo) -> Refusal? { node.starting >= SchedulerLimits.startingPodsPerNode ? .starting : nil }

  /// Every resource that is short is named.
  static func resources(_ pod: PodInfo, _ node: NodeInfo) -> [Refusal] {
    var refusals: [Refusal] = []
    if Int64(node.pods.count) + 1 > node.allowedPods { refusals.append(.tooManyPods) }
    let wanted: ResourceAmounts = pod.requests
    if wanted.milliCPU > 0, wanted.milliCPU > node.allocatable.milliCPU - node.used.milliCPU { refusals.append(.insufficient("cpu")) }
    if wanted.memory > 0, wanted.memory > node.allocatable.memory - node.used.memory { refusals.append(.insufficient("memory")) }
    for (name, amount) in wanted.others.sorted(by: { $0.key < $1.key })
    where amount > 0 && amount > (node.allocatable.others[name] ?? 0) - (node.used.others[name] ?? 0) {
      refusals.append(.insufficient(name))
    }
    return refusals
  }
}
