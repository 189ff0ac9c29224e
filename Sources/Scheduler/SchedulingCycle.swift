import Primitives

/// One decision: which node a pod goes to. Pure.
///
///     all nodes ─▶ active center ─▶ node alone ─▶ ports, resources ─▶ spread ─▶ pod affinity ─▶ scores ─▶ the best, ties by seed
///                  (hot: any)                                                               └ hot: the emptiest centers only
///                        └───────────────┴── each refusal counted ──┴─────────────────┘
struct SchedulingCycle: Sendable {
  enum Outcome: Hashable, Sendable {
    case node(String)
    /// Kubernetes' message, and what could help.
    case unschedulable(message: String, kinds: Set<Refusal.Kind>)
  }

  static func run(_ pod: PodInfo, in view: ClusterView, active: CenterName?, random: inout SeededRandom) -> Outcome {
    let known: [NodeInfo] = view.nodes.values.filter(\.exists).sorted { $0.name < $1.name }
    var counts: [String: Int] = [:]
    var kinds: Set<Refusal.Kind> = []
    func refuse(_ refusals: [Refusal]) {
      for refusal in refusals {
        counts[refusal.text, default: 0] += 1
        kinds.insert(refusal.kind)
      }
    }
    var candidates: [NodeInfo] = []
    for node in known {
      if let refusal: Refusal = NodeFilters.center(pod, node, active: active) { refuse([refusal]) } else { candidates.append(node) }
    }
    let ours: [NodeInfo] = candidates
    let spread = SpreadFilter(pod, nodes: ours)
    let affinity = PodAffinityFilter(pod, nodes: ours, namespaceLabels: view.namespaceLabels)
    candidates = ours.filter { node in
      let refusals: [Refusal] = Self.refusals(pod, node, spread, affinity)
      refuse(refusals)
      return refusals.isEmpty
    }
    guard !candidates.isEmpty else {
      // A pod waits for nodes at least.
      return .unschedulable(message: message(nodes: known.count, counts), kinds: kinds.isEmpty ? [.node] : kinds)
    }
    if pod.tier.isEverywhere { candidates = emptiestCenters(pod, candidates, all: ours) }
    if candidates.count == 1 { return .node(candidates[0].name) }
    let scores: [Double] = Scores.of(pod, nodes: candidates, all: ours, namespaceLabels: view.namespaceLabels)
    let best: Double = scores.max() ?? 0
    let tied: [Int] = scores.indices.filter { scores[$0] == best }
    return .node(candidates[tied[Int.random(in: 0..<tied.count, using: &random)]].name)
  }

  /// A `hot` workload survives the loss of a center by having replicas in others: those that have the fewest of its pods come first, before
  /// any score. Pods without a controller are siblings of nobody.
  private static func emptiestCenters(_ pod: PodInfo, _ candidates: [NodeInfo], all: [NodeInfo]) -> [NodeInfo] {
    guard let controller: String = pod.controller else { return candidates }
    var siblings: [CenterName?: Int] = [:]
    for node in all {
      siblings[node.center, default: 0] += node.pods.values.count { $0.controller == controller && !$0.isBeingDeleted }
    }
    let fewest: Int = candidates.map { siblings[$0.center] ?? 0 }.min() ?? 0
    return candidates.filter { siblings[$0.center] ?? 0 == fewest }
  }

  /// The first filter that refuses speaks; of resources all that are short.
  private static func refusals(_ pod: PodInfo, _ node: NodeInfo, _ spread: SpreadFilter?, _ affinity: PodAffinityFilter?) -> [Refusal] {
    if let refusal = NodeFilters.unschedulable(pod, node) { return [refusal] }
    if let refusal = NodeFilters.taints(pod, node) { return [refusal] }
    if let refusal = NodeFilters.readiness(pod, node) { return [refusal] }
    if let refusal = NodeFilters.affinity(pod, node) { return [refusal] }
    if let refusal = NodeFilters.ports(pod, node) { return [refusal] }
    let short: [Refusal] = NodeFilters.resources(pod, node)
    if !short.isEmpty { return short }
    if let refusal = NodeFilters.wave(node) { return [refusal] }
    if let refusal = spread?.refusal(node) { return [refusal] }
    if let refusal = affinity?.refusal(node) { return [refusal] }
    return []
  }

  /// `0/5 nodes are available: 2 Insufficient cpu, 3 node(s) were unschedulable.`
  static func message(nodes: Int, _ counts: [String: Int]) -> String {
    guard nodes > 0 else { return "no nodes available to schedule pods" }
    let reasons: String = counts.map { "\($0.value) \($0.key)" }.sorted().joined(separator: ", ")
    return "0/\(nodes) nodes are available: \(reasons)."
  }
}
