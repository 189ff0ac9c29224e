import KubeModel
import Primitives

/// A node and the pods on it, those included that were only just given to it.
struct NodeInfo: Sendable {
  struct Taint: Hashable, Sendable {
    var key: String
    var value: String
    var effect: String

    func isTolerated(by toleration: JSONValue) -> Bool {
      let wanted: String = toleration["effect"].string ?? ""
      guard wanted.isEmpty || wanted == effect else { return false }
      let key: String = toleration["key"].string ?? ""
      let exists: Bool = toleration["operator"].string == "Exists"
      if key.isEmpty { return exists }
      return key == self.key && (exists || (toleration["value"].string ?? "") == value)
    }
  }
  static let centerLabel: String = "federation.tricenter.io/center"
  /// On nodes outside the active center that have not yet said that they know it.
  static let fencedTaint: String = "federation.tricenter.io/fenced"

  var name: String
  /// Not there yet: a pod named it before its informer did.
  var exists: Bool
  var labels: [String: String] = [:]
  var taints: [Taint] = []
  var isUnschedulable: Bool = false
  var isReady: Bool = false
  var allocatable = ResourceAmounts()
  var allowedPods: Int64 = 0
  /// By uid.
  private(set) var pods: [String: PodInfo] = [:]
  private(set) var used = ResourceAmounts()
  /// With 100 m and 200 MiB for pods that ask for nothing, so that they do not pile up (Kubernetes: DefaultMilliCPURequest,
  /// DefaultMemoryRequest).
  private(set) var usedForScore = ResourceAmounts()
  private(set) var withAntiAffinity: Int = 0
  /// Pods that were given to it and have not started yet.
  private(set) var starting: Int = 0

  init(name: String) {
    self.name = name
    exists = false
  }

  var center: CenterName? { labels[Self.centerLabel].map { CenterName($0) } }

  mutating func set(_ node: KubeObject) {
    exists = true
    labels = node.labels
    taints = node.spec["taints"].array.map {
      Taint(key: $0["key"].string ?? "", value: $0["value"].string ?? "", effect: $0["effect"].string ?? "")
    }
    isUnschedulable = node.spec["unschedulable"].bool ?? false
    isReady = node.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" }
    allocatable = ResourceAmounts(node.status["allocatable"])
    allowedPods = allocatable.others.removeValue(forKey: "pods") ?? 0
  }

  mutating func clear() {
    let kept: [PodInfo] = Array(pods.values)
    self = NodeInfo(name: name)
    for pod in kept { add(pod) }
  }

  static func forScore(_ requests: ResourceAmounts) -> ResourceAmounts {
    var amounts = ResourceAmounts()
    amounts.milliCPU = requests.milliCPU > 0 ? requests.milliCPU : 100
    amounts.memory = requests.memory > 0 ? requests.memory : 200 << 20
    return amounts
  }

  mutating func add(_ pod: PodInfo) {
    remove(pod.uid)
    pods[pod.uid] = pod
    used += pod.requests
    usedForScore += Self.forScore(pod.requests)
    if !pod.antiAffinity.isEmpty { withAntiAffinity += 1 }
    if pod.isPending { starting += 1 }
  }

  mutating func remove(_ uid: String) {
    guard let pod: PodInfo = pods.removeValue(forKey: uid) else { return }
    used -= pod.requests
    usedForScore -= Self.forScore(pod.requests)
    if !pod.antiAffinity.isEmpty { withAntiAffinity -= 1 }
    if pod.isPending { starting -= 1 }
  }
}
