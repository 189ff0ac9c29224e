import KubeModel

/// Amounts of resources: CPU in thousandths of a core, memory and storage in bytes, everything else in its own unit.
struct ResourceAmounts: Hashable, Sendable {
  var milliCPU: Int64 = 0
  var memory: Int64 = 0
  var others: [String: Int64] = [:]

  init() {}

  init(_ json: JSONValue) {
    for member in json.object?.members ?? [] {
      guard let quantity = Quantity(json: member.value) else { continue }
      switch member.key {
      case "cpu": milliCPU = quantity.milliValue
      case "memory": memory = quantity.value
      default: others[member.key] = quantity.value
      }
    }
  }

  static func += (left: inout Self, right: Self) {
    left.milliCPU += right.milliCPU
    left.memory += right.memory
    for (name, amount) in right.others { left.others[name, default: 0] += amount }
  }

  static func -= (left: inout Self, right: Self) {
    left.milliCPU -= right.milliCPU
    left.memory -= right.memory
    for (name, amount) in right.others { left.others[name, default: 0] -= amount }
  }

  static func max(_ left: Self, _ right: Self) -> Self {
    var result: Self = left
    result.milliCPU = Swift.max(left.milliCPU, right.milliCPU)
    result.memory = Swift.max(left.memory, right.memory)
    for (name, amount) in right.others { result.others[name] = Swift.max(left.others[name] ?? 0, amount) }
    return result
  }

  /// What a pod needs at any moment of its life: its containers together, or the most that one init container needs beside the
  /// sidecars started before it. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers
  static func requests(of pod: KubeObject) -> Self {
    func request(_ container: JSONValue) -> Self { Self(container["resources"]["requests"]) }
    var running = Self()
    for container in pod.spec["containers"].array { running += request(container) }
    var sidecars = Self()
    var starting = Self()
    for container in pod.spec["initContainers"].array {
      if container["restartPolicy"].string == "Always" {
        sidecars += request(container)
        starting = max(starting, sidecars)
      } else {
        var together: Self = sidecars
        together += request(container)
        starting = max(starting, together)
      }
    }
    running += sidecars
    var total: Self = max(running, starting)
    // Requests of the pod as a whole take the place of its containers'.
    let whole = Self(pod.spec["resources"]["requests"])
    if whole.milliCPU > 0 { total.milliCPU = whole.milliCPU }
    if whole.memory > 0 { total.memory = whole.memory }
    total += Self(pod.spec["overhead"])
    return total
  }
}
