import KubeModel

/// What one pod contributes to one Service. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
struct EndpointFacts: Hashable, Sendable {
  var addresses: [String]
  var ready: Bool
  var serving: Bool
  var terminating: Bool
  var hostname: String?
  var nodeName: String?
  var zone: String?
  var podName: String
  var podUID: String
  var namespace: String
  var ports: [EndpointPort]

  /// Nil where the pod is no endpoint: without an address, ended, or on a node of a fenced center, whose pods count as gone from the
  /// moment of the taint, whatever their status says.
  init?(_ pod: KubeObject, service: KubeObject, node: KubeObject?, family: String) {
    guard !pod.isTerminated, node?.isFencedNode != true else { return nil }
    let all: [String] = Self.addresses(pod)
    addresses = all.filter { ($0.contains(":") ? "IPv6" : "IPv4") == family }
    guard !addresses.isEmpty else { return nil }
    addresses = [addresses[0]]
    terminating = pod.isBeingDeleted
    serving = pod.isReadyPod || service.spec["publishNotReadyAddresses"].bool == true
    ready = serving && (!terminating || service.spec["publishNotReadyAddresses"].bool == true)
    let named: String = pod.spec["hostname"].string ?? ""
    hostname = !named.isEmpty && pod.spec["subdomain"].string == service.name ? named : nil
    nodeName = pod.nodeName.isEmpty ? nil : pod.nodeName
    zone = node?.labels["topology.kubernetes.io/zone"]
    podName = pod.name
    podUID = pod.uid
    namespace = pod.namespace
    ports = service.spec["ports"].array.compactMap { EndpointPort($0, pod: pod) }
  }

  static func addresses(_ pod: KubeObject) -> [String] {
    let several: [String] = pod.status["podIPs"].array.compactMap { $0["ip"].string }.filter { !$0.isEmpty }
    if !several.isEmpty { return several }
    return pod.status["podIP"].string.map { $0.isEmpty ? [] : [$0] } ?? []
  }

  var target: JSONValue { ["kind": "Pod", "namespace": .string(namespace), "name": .string(podName), "uid": .string(podUID)] }

  /// As an endpoint of an EndpointSlice.
  var json: JSONValue {
    var json: JSONValue = [
      "addresses": .array(addresses.map { .string($0) }),
      "conditions": ["ready": .bool(ready), "serving": .bool(serving), "terminating": .bool(terminating)],
    ]
    if let hostname { json["hostname"] = .string(hostname) }
    json["targetRef"] = target
    if let nodeName { json["nodeName"] = .string(nodeName) }
    if let zone { json["zone"] = .string(zone) }
    return json
  }
}

/// One port of a Service as a pod has it.
struct EndpointPort: Hashable, Comparable, Sendable {
  var name: String
  var protocolName: String
  var port: Int64
  var appProtocol: String?

  /// Nil where the pod has no port of the name that the Service targets: the pod is an endpoint of the other ports only.
  init?(_ servicePort: JSONValue, pod: KubeObject) {
    let protocolName: String = servicePort["protocol"].string ?? "TCP"
    name = servicePort["name"].string ?? ""
    self.protocolName = protocolName
    appProtocol = servicePort["appProtocol"].string
    switch IntOrString(json: servicePort["targetPort"]) {
    case .int(let number) where number > 0: port = number
    case .string(let wanted) where !wanted.isEmpty:
      let restartable: [JSONValue] = pod.spec["initContainers"].array.filter { $0["restartPolicy"].string == "Always" }
      let all: [JSONValue] = (pod.spec["containers"].array + restartable).flatMap { $0["ports"].array }
      let found: JSONValue? = all.first { $0["name"].string == wanted && ($0["protocol"].string ?? "TCP") == protocolName }
      guard let number: Int64 = found?["containerPort"].int else { return nil }
      port = number
    default:
      guard let number: Int64 = servicePort["port"].int else { return nil }
      port = number
    }
  }

  static func < (left: Self, right: Self) -> Bool {
    (left.name, left.protocolName, left.port) < (right.name, right.protocolName, right.port)
  }

  var json: JSONValue {
    var json: JSONValue = ["name": .string(name), "port": .int(port), "protocol": .string(protocolName)]
    if let appProtocol { json["appProtocol"] = .string(appProtocol) }
    return json
  }
}
