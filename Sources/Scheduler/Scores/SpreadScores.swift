import Glibc
import KubeModel

extension Scores {
  /// Fewer of the same kind in the node's domains are better: by the pod's own `ScheduleAnyway` constraints; without any
  /// constraint, pods of one controller are spread over hosts.
  /// https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#internal-default-constraints
  static func spread(_ pod: PodInfo, _ nodes: [NodeInfo], _ all: [NodeInfo]) -> [Double] {
    var neighbours: [Double] = nodes.map { _ in 0 }
    if pod.spread.isEmpty {
      guard let controller: String = pod.controller else { return nodes.map { _ in SchedulerLimits.highestScore } }
      neighbours = nodes.map { node in Double(node.pods.values.count { $0.controller == controller && !$0.isBeingDeleted }) }
      return inverted(neighbours)
    }
    for constraint in pod.spread where !constraint.isRequired {
      let counted = SpreadCounts(constraint, pod: pod, nodes: all)
      // Many domains (hosts) weigh more than few (zones), as in Kubernetes.
      let weight: Double = Glibc.log(Double(counted.counts.count + 2))
      for (index, node) in nodes.enumerated() {
        guard let value: String = node.labels[constraint.topologyKey] else { continue }
        neighbours[index] += Double(counted.counts[value] ?? 0) * weight + Double(constraint.maxSkew - 1)
      }
    }
    return inverted(neighbours)
  }

  /// Preferred pod affinity, in both directions; nil where nobody prefers anything.
  static func podPreferences(
    _ pod: PodInfo, _ nodes: [NodeInfo], _ all: [NodeInfo], _ namespaceLabels: [String: [String: String]]
  ) -> [Double]? {
    var domains: [String: Double] = [:]
    for node in all {
      for other in node.pods.values where !other.isBeingDeleted {
        for (weight, term) in pod.preferredPods where term.matches(other, namespaceLabels: namespaceLabels) {
          if let value: String = node.labels[term.topologyKey] { domains["\(term.topologyKey)=\(value)", default: 0] += weight }
        }
        for (weight, term) in other.preferredPods where term.matches(pod, namespaceLabels: namespaceLabels) {
          if let value: String = node.labels[term.topologyKey] { domains["\(term.topologyKey)=\(value)", default: 0] += weight }
        }
      }
    }
    guard !domains.isEmpty else { return nil }
    let wanted: [(key: String, weight: Double)] = domains.map { ($0.key, $0.value) }
    return nodes.map { node in
      wanted.reduce(0) { sum, domain in
        guard let split: String.Index = domain.key.firstIndex(of: "=") else { return sum }
        let matches: Bool = node.labels[String(domain.key[..<split])] == String(domain.key[domain.key.index(after: split)...])
        return sum + (matches ? domain.weight : 0)
      }
    }
  }
}
