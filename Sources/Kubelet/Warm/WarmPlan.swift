import KubeModel
import Primitives

/// What this host prepares for `warm` workloads while its center is the next one. Pure.
enum WarmPlan {
  /// Templates by digest, and how many sandboxes of each. Every ready host of the center prepares its equal part of each workload's
  /// replicas, rounded up, since nobody knows which of them the scheduler will take.
  static func wanted(
    sets: [KubeObject], namespaces: [String: KubeObject], nodes: [KubeObject], center: String, settings: KubeletConfiguration,
    limit: Int = KubeletLimits.preparedSandboxes
  ) -> [String: (template: SandboxTemplate, count: Int)] {
    let hosts: Int = max(1, nodes.count { $0.labels["federation.tricenter.io/center"] == center && isReady($0) })
    var wanted: [String: (template: SandboxTemplate, count: Int)] = [:]
    var left: Int = limit
    for set in sets.sorted(by: { $0.key < $1.key }) where !set.isBeingDeleted {
      let replicas: Int = Int(set.spec["replicas"].int ?? 1)
      // The same order as for a new pod: the workload, else its namespace.
      let ofNamespace: WorkloadTier? = namespaces[set.namespace].flatMap { WorkloadTier.named(by: $0) }
      let tier: WorkloadTier = WorkloadTier.named(byWorkload: set) ?? ofNamespace ?? .exclusive
      guard replicas > 0, tier == .warm else { continue }
      let pod: KubeObject = pod(of: set)
      guard let template = SandboxTemplate(pod, builder: ConfigurationBuilder(settings: settings, pod: pod)) else { continue }
      let count: Int = min(left, (replicas + hosts - 1) / hosts)
      guard count > 0 else { continue }
      left -= count
      wanted[template.digest] = (template, (wanted[template.digest]?.count ?? 0) + count)
    }
    return wanted
  }

  /// As far as its sandbox goes.
  private static func pod(of set: KubeObject) -> KubeObject {
    KubeObject([
      "metadata": [
        "namespace": .string(set.namespace), "annotations": [WorkloadTier.annotation: .string(WorkloadTier.warm.rawValue)],
      ], "spec": set.spec["template"]["spec"],
    ])
  }

  private static func isReady(_ node: KubeObject) -> Bool {
    node.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }
}
