import KubeModel

/// Required pod affinity and anti-affinity, in both directions. Counts once per cycle, then asks per node.
struct PodAffinityFilter: Sendable {
  private let pod: PodInfo
  /// Per own affinity term: topology values where a matching pod is.
  private var near: [Set<String>] = []
  private var far: [Set<String>] = []
  /// `key=value` of every domain from which an existing pod's anti-affinity keeps this pod.
  private var forbidden: Set<String> = []
  private let startsGroup: Bool

  /// Nil where neither the pod nor any pod there has such rules.
  init?(_ pod: PodInfo, nodes: [NodeInfo], namespaceLabels: [String: [String: String]]) {
    guard !pod.affinity.isEmpty || !pod.antiAffinity.isEmpty || nodes.contains(where: { $0.withAntiAffinity > 0 }) else { return nil }
    self.pod = pod
    near = pod.affinity.map { Self.domains(of: $0, nodes, namespaceLabels) }
    far = pod.antiAffinity.map { Self.domains(of: $0, nodes, namespaceLabels) }
    for node in nodes where node.withAntiAffinity > 0 {
      for other in node.pods.values {
        for term in other.antiAffinity where term.matches(pod, namespaceLabels: namespaceLabels) {
          if let value: String = node.labels[term.topologyKey] { forbidden.insert("\(term.topologyKey)=\(value)") }
        }
      }
    }
    // The first pod of a group that wants to be near its own kind may start anywhere.
    startsGroup =
      !near.isEmpty && near.allSatisfy(\.isEmpty) && pod.affinity.allSatisfy { $0.matches(pod, namespaceLabels: namespaceLabels) }
  }

  private static func domains(of term: PodTerm, _ nodes: [NodeInfo], _ namespaceLabels: [String: [String: String]]) -> Set<String> {
    var domains: Set<String> = []
    for node in nodes {
      guard let value: String = node.labels[term.topologyKey], !domains.contains(value) else { continue }
      if node.pods.values.contains(where: { !$0.isBeingDeleted && term.matches($0, namespaceLabels: namespaceLabels) }) {
        domains.insert(value)
      }
    }
    return domains
  }

  func refusal(_ node: NodeInfo) -> Refusal? {
    for (term, domains) in zip(pod.affinity, near) {
      guard let value: String = node.labels[term.topologyKey], startsGroup || domains.contains(value) else { return .podAffinity }
    }
    for (term, domains) in zip(pod.antiAffinity, far) {
      if let value: String = node.labels[term.topologyKey], domains.contains(value) { return .podAntiAffinity }
    }
    if !forbidden.isEmpty, node.labels.contains(where: { forbidden.contains("\($0.key)=\($0.value)") }) { return .othersAntiAffinity }
    return nil
  }
}
