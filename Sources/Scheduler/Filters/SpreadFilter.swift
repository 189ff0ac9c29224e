import KubeModel

/// How many matching pods each domain of one spread constraint has.
struct SpreadCounts: Sendable {
  let constraint: SpreadConstraint
  private(set) var counts: [String: Int] = [:]

  /// `nodes`: those of the active center; a standby center's empty nodes are no domains, or nothing could be placed.
  init(_ constraint: SpreadConstraint, pod: PodInfo, nodes: [NodeInfo]) {
    self.constraint = constraint
    for node in nodes {
      guard let value: String = node.labels[constraint.topologyKey] else { continue }
      if constraint.honorsAffinity, NodeFilters.affinity(pod, node) != nil { continue }
      if constraint.honorsTaints, NodeFilters.taints(pod, node) != nil { continue }
      counts[value, default: 0] += node.pods.values.count { other in
        other.namespace == pod.namespace && !other.isBeingDeleted && constraint.selector.matches(other.labels)
      }
    }
  }

  var least: Int { counts.count < constraint.minDomains ? 0 : counts.values.min() ?? 0 }
}

/// Spread constraints that must hold (`DoNotSchedule`).
struct SpreadFilter: Sendable {
  private let pod: PodInfo
  private let required: [SpreadCounts]

  init?(_ pod: PodInfo, nodes: [NodeInfo]) {
    let constraints: [SpreadConstraint] = pod.spread.filter(\.isRequired)
    guard !constraints.isEmpty else { return nil }
    self.pod = pod
    required = constraints.map { SpreadCounts($0, pod: pod, nodes: nodes) }
  }

  func refusal(_ node: NodeInfo) -> Refusal? {
    for counted in required {
      guard let value: String = node.labels[counted.constraint.topologyKey] else { return .spreadLabel }
      let own: Int = counted.constraint.selector.matches(pod.labels) ? 1 : 0
      if (counted.counts[value] ?? 0) + own - counted.least > counted.constraint.maxSkew { return .spread }
    }
    return nil
  }
}
