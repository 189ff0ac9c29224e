import KubeModel

/// How well each of the nodes that can take a pod suits it: 0 to 100 each, added by weight. Weights are Kubernetes' defaults
/// (`getDefaultPlugins`). https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins
enum Scores {
  static func of(_ pod: PodInfo, nodes: [NodeInfo], all: [NodeInfo], namespaceLabels: [String: [String: String]]) -> [Double] {
    var total: [Double] = nodes.map { leastAllocated(pod, $0) + balanced(pod, $0) }
    add(&total, 3, inverted(nodes.map { untoleratedPreferences(pod, $0) }))
    if !pod.preferredNodes.isEmpty { add(&total, 2, stretched(nodes.map { preferredNodes(pod, $0) })) }
    add(&total, 2, spread(pod, nodes, all))
    if let affinity: [Double] = podPreferences(pod, nodes, all, namespaceLabels) { add(&total, 2, centred(affinity)) }
    return total
  }

  private static func add(_ total: inout [Double], _ weight: Double, _ scores: [Double]) {
    for index in total.indices { total[index] += weight * scores[index] }
  }

  /// The highest becomes 100.
  static func stretched(_ values: [Double]) -> [Double] {
    guard let highest: Double = values.max(), highest > 0 else { return values.map { _ in 0 } }
    return values.map { $0 / highest * SchedulerLimits.highestScore }
  }

  /// Nothing becomes 100, the highest 0.
  static func inverted(_ values: [Double]) -> [Double] {
    guard let highest: Double = values.max(), highest > 0 else { return values.map { _ in SchedulerLimits.highestScore } }
    return values.map { (highest - $0) / highest * SchedulerLimits.highestScore }
  }

  /// The lowest becomes 0, the highest 100; values may be negative.
  static func centred(_ values: [Double]) -> [Double] {
    guard let highest: Double = values.max(), let lowest: Double = values.min(), highest > lowest else { return values.map { _ in 0 } }
    return values.map { ($0 - lowest) / (highest - lowest) * SchedulerLimits.highestScore }
  }

  /// The emptier the better.
  static func leastAllocated(_ pod: PodInfo, _ node: NodeInfo) -> Double {
    let (cpu, memory): (Double?, Double?) = fractions(pod, node)
    let free: [Double] = [cpu, memory].compactMap { $0 }.map { max(0, 1 - $0) }
    return free.isEmpty ? 0 : free.reduce(0, +) / Double(free.count) * SchedulerLimits.highestScore
  }

  /// CPU and memory used up alike.
  static func balanced(_ pod: PodInfo, _ node: NodeInfo) -> Double {
    guard case (let cpu?, let memory?) = fractions(pod, node) else { return SchedulerLimits.highestScore }
    return (1 - abs(min(cpu, 1) - min(memory, 1)) / 2) * SchedulerLimits.highestScore
  }

  private static func fractions(_ pod: PodInfo, _ node: NodeInfo) -> (Double?, Double?) {
    let wanted: ResourceAmounts = NodeInfo.forScore(pod.requests)
    func part(_ used: Int64, _ more: Int64, _ all: Int64) -> Double? { all > 0 ? Double(used + more) / Double(all) : nil }
    return (
      part(node.usedForScore.milliCPU, wanted.milliCPU, node.allocatable.milliCPU),
      part(node.usedForScore.memory, wanted.memory, node.allocatable.memory)
    )
  }

  private static func untoleratedPreferences(_ pod: PodInfo, _ node: NodeInfo) -> Double {
    Double(
      node.taints.count { taint in
        taint.effect == "PreferNoSchedule" && !pod.tolerations.contains { taint.isTolerated(by: $0) }
      })
  }

  private static func preferredNodes(_ pod: PodInfo, _ node: NodeInfo) -> Double {
    pod.preferredNodes.reduce(0) { $0 + ($1.term.matches(node) ? $1.weight : 0) }
  }
}
