import KubeModel

/// Whether a center could carry what runs now: sums of requests against sums of what its ready nodes offer.
public enum Capacity {
  /// Sentences about everything that stands against it; empty if nothing does.
  public static func obstacles(center: String, nodes: [KubeObject], pods: [KubeObject]) -> [String] {
    let ready: [KubeObject] = nodes.filter { $0.labels[FederationNames.centerLabel] == center && isReady($0) }
    guard !ready.isEmpty else { return ["no node of \(center) is ready"] }
    var offered: [String: Int64] = ["cpu": 0, "memory": 0, "pods": 0]
    for node in ready {
      for resource in offered.keys {
        let quantity: Quantity? = Quantity(json: node.status["allocatable"][resource])
        offered[resource]? += (resource == "cpu" ? quantity?.milliValue : quantity?.value) ?? 0
      }
    }
    var wanted: [String: Int64] = ["cpu": 0, "memory": 0, "pods": 0]
    for pod in pods where !["Succeeded", "Failed"].contains(pod.status["phase"].string ?? "") && !pod.isBeingDeleted {
      wanted["pods"]? += 1
      for container in pod.spec["containers"].array {
        let requests: JSONValue = container["resources"]["requests"]
        wanted["cpu"]? += Quantity(json: requests["cpu"])?.milliValue ?? 0
        wanted["memory"]? += Quantity(json: requests["memory"])?.value ?? 0
      }
    }
    return ["cpu", "memory", "pods"].compactMap { resource in
      let (want, offer): (Int64, Int64) = (wanted[resource] ?? 0, offered[resource] ?? 0)
      guard want > offer else { return nil }
      let unit: String = resource == "cpu" ? "m of cpu" : resource == "memory" ? " bytes of memory" : " pods"
      return "\(center) has \(ready.count) ready nodes with \(offer)\(unit), and \(want)\(unit) are needed"
    }
  }

  public static func isReady(_ node: KubeObject) -> Bool {
    node.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }
}
