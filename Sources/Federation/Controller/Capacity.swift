import KubeModel
import Primitives

/// Whether a center could carry what runs now: sums of requests against sums of what its ready nodes offer, and every pod against the
/// largest of them.
public enum Capacity {
  private struct Amounts {
    var cpu: Int64 = 0
    var memory: Int64 = 0
    var pods: Int64 = 0

    init() {}
    init(node: KubeObject) {
      let allocatable: JSONValue = node.status["allocatable"]
      cpu = Quantity(json: allocatable["cpu"])?.milliValue ?? 0
      memory = Quantity(json: allocatable["memory"])?.value ?? 0
      pods = Quantity(json: allocatable["pods"])?.value ?? 0
    }
    /// What the scheduler counts: the containers together, or the largest init container if that is more
    /// (https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers).
    init(pod: KubeObject) {
      pods = 1
      for container in pod.spec["containers"].array { self = self + Self(requests: container["resources"]["requests"]) }
      for container in pod.spec["initContainers"].array {
        let own = Self(requests: container["resources"]["requests"])
        (cpu, memory) = (max(cpu, own.cpu), max(memory, own.memory))
      }
    }
    private init(requests: JSONValue) {
      cpu = Quantity(json: requests["cpu"])?.milliValue ?? 0
      memory = Quantity(json: requests["memory"])?.value ?? 0
    }
    static func + (one: Self, other: Self) -> Self {
      var sum: Self = one
      sum.cpu += other.cpu
      sum.memory += other.memory
      sum.pods += other.pods
      return sum
    }
    func fits(in other: Self) -> Bool { cpu <= other.cpu && memory <= other.memory && pods <= other.pods }
    var all: [(name: String, unit: String, value: Int64)] {
      [("cpu", "m of cpu", cpu), ("memory", " bytes of memory", memory), ("pods", " pods", pods)]
    }
  }

  /// - Parameter pods: all that is to be carried, wherever it runs now.
  static func findings(center: CenterName, nodes: [KubeObject], pods: [KubeObject]) -> [Finding] {
    let own: [KubeObject] = nodes.filter { $0.labels[FederationNames.centerLabel] == center.value }
    let ready: [KubeObject] = own.filter { isReady($0) }
    func finding(_ object: String, _ measured: String, _ limit: String, _ cure: String) -> Finding {
      Finding(rule: "capacity", center: center, object: object, measured: measured, limit: limit, cure: cure)
    }
    guard !ready.isEmpty else {
      return [
        finding(
          "Center/\(center)", "no node of \(center) is ready", "at least 1 of \(own.count)",
          "look at its kubelets: kubectl get nodes -l \(FederationNames.centerLabel)=\(center)")
      ]
    }
    let offers: [Amounts] = ready.map { Amounts(node: $0) }
    let offered: Amounts = offers.reduce(Amounts(), +)
    let wants: [Amounts] = pods.map { Amounts(pod: $0) }
    let wanted: Amounts = wants.reduce(Amounts(), +)
    var found: [Finding] = zip(wanted.all, offered.all).compactMap { want, offer in
      guard want.value > offer.value else { return nil }
      return finding(
        "Center/\(center)",
        "\(center) has \(ready.count) ready nodes with \(offer.value)\(offer.unit), and \(want.value)\(want.unit) are needed",
        "at least \(want.value)\(want.unit)", "bring more of its nodes back, add some, or scale down what can wait")
    }
    for (pod, want) in zip(pods, wants) where !offers.contains(where: { want.fits(in: $0) }) {
      guard found.count < FederationLimits.findingsPerRule else { break }
      found.append(
        finding(
          "Pod/\(pod.key)", "\(want.cpu)m of cpu and \(want.memory) bytes of memory fit on no ready node of \(center)",
          "no more than the largest node offers", "lower its requests, or add a larger node to \(center)"))
    }
    return found
  }

  public static func isReady(_ node: KubeObject) -> Bool {
    node.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
  }
}
