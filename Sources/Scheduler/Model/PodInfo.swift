import KubeModel
import Primitives

/// What scheduling needs of a pod, read once per version of it.
struct PodInfo: Sendable {
  struct HostPort: Hashable, Sendable {
    var address: String
    var protocolName: String
    var port: Int64

    func conflicts(with other: Self) -> Bool {
      protocolName == other.protocolName && port == other.port
        && (address == other.address || address == "0.0.0.0" || other.address == "0.0.0.0")
    }
  }
  let object: KubeObject
  let key: String
  let namespace: String
  let uid: String
  let labels: [String: String]
  let priority: Int64
  var nodeName: String
  let isBeingDeleted: Bool
  let isTerminated: Bool
  /// No container of it has been started yet.
  let isPending: Bool
  let requests: ResourceAmounts
  let tolerations: [JSONValue]
  let nodeSelector: [String: String]
  /// Nil: any node.
  let requiredNodes: [NodeTerm]?
  let preferredNodes: [(weight: Double, term: NodeTerm)]
  let affinity: [PodTerm]
  let antiAffinity: [PodTerm]
  /// Anti-affinity has negative weights.
  let preferredPods: [(weight: Double, term: PodTerm)]
  let spread: [SpreadConstraint]
  let ports: [HostPort]
  let controller: String?
  let isGated: Bool
  let schedulerName: String
  let tier: WorkloadTier

  init(_ pod: KubeObject) {
    object = pod
    key = pod.key
    namespace = pod.namespace
    uid = pod.uid
    labels = pod.labels
    let spec: JSONValue = pod.spec
    priority = spec["priority"].int ?? 0
    nodeName = spec["nodeName"].string ?? ""
    isBeingDeleted = pod.isBeingDeleted
    isTerminated = ["Succeeded", "Failed"].contains(pod.status["phase"].string ?? "")
    isPending = ["", "Pending"].contains(pod.status["phase"].string ?? "")
    requests = ResourceAmounts.requests(of: pod)
    tolerations = spec["tolerations"].array
    nodeSelector = spec["nodeSelector"].stringMap
    let nodes: JSONValue = spec["affinity"]["nodeAffinity"]
    let required: JSONValue = nodes["requiredDuringSchedulingIgnoredDuringExecution"]
    requiredNodes = required.isNull ? nil : required["nodeSelectorTerms"].array.map { NodeTerm($0) }
    preferredNodes = nodes["preferredDuringSchedulingIgnoredDuringExecution"].array.map {
      (Double($0["weight"].int ?? 1), NodeTerm($0["preference"]))
    }
    let (near, far): (JSONValue, JSONValue) = (spec["affinity"]["podAffinity"], spec["affinity"]["podAntiAffinity"])
    func terms(_ json: JSONValue) -> [PodTerm] {
      json["requiredDuringSchedulingIgnoredDuringExecution"].array.compactMap { PodTerm($0, pod: pod) }
    }
    func preferred(_ json: JSONValue, _ sign: Double) -> [(Double, PodTerm)] {
      json["preferredDuringSchedulingIgnoredDuringExecution"].array.compactMap { item in
        PodTerm(item["podAffinityTerm"], pod: pod).map { (sign * Double(item["weight"].int ?? 1), $0) }
      }
    }
    affinity = terms(near)
    antiAffinity = terms(far)
    preferredPods = preferred(near, 1) + preferred(far, -1)
    spread = spec["topologySpreadConstraints"].array.compactMap { SpreadConstraint($0, pod: pod) }
    let onHost: Bool = spec["hostNetwork"].bool ?? false
    let containers: [JSONValue] = spec["containers"].array + spec["initContainers"].array.filter { $0["restartPolicy"].string == "Always" }
    ports = containers.flatMap { $0["ports"].array }.compactMap { port in
      guard let number: Int64 = port["hostPort"].int ?? (onHost ? port["containerPort"].int : nil), number > 0 else { return nil }
      let address: String = port["hostIP"].string ?? ""
      return HostPort(address: address.isEmpty ? "0.0.0.0" : address, protocolName: port["protocol"].string ?? "TCP", port: number)
    }
    controller = pod.controllerReference?["uid"].string
    isGated = !spec["schedulingGates"].array.isEmpty
    schedulerName = spec["schedulerName"].string ?? ""
    tier = WorkloadTier(pod)
  }

  /// Takes up room on its node.
  var counts: Bool { !nodeName.isEmpty && !isTerminated }
}
