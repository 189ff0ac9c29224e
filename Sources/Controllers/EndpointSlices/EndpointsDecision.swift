import KubeClient
import KubeModel

/// The Endpoints object of a Service: the older form of its EndpointSlices, for clients that still read it. Pure.
struct EndpointsDecision: Sendable {
  private(set) var actions: [Action] = []

  init(_ service: KubeObject, pods: [KubeObject], nodes: (String) -> KubeObject?, present: KubeObject?) {
    let endpoints: [EndpointFacts] = pods.compactMap { EndpointFacts($0, service: service, node: nodes($0.nodeName), family: "IPv4") }
      .filter { !$0.terminating || $0.ready }.sorted { ($0.podName, $0.podUID) < ($1.podName, $1.podUID) }
    let counted: [EndpointFacts] = Array(endpoints.prefix(ControllerLimits.endpointsAddresses))
    let groups: [[EndpointPort]: [EndpointFacts]] = Dictionary(grouping: counted) { $0.ports.sorted() }
    let subsets: [JSONValue] = groups.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { ports, endpoints in
      var subset: JSONValue = [:]
      let ready: [JSONValue] = endpoints.filter(\.ready).map(Self.address)
      let notReady: [JSONValue] = endpoints.filter { !$0.ready }.map(Self.address)
      if !ready.isEmpty { subset["addresses"] = .array(ready) }
      if !notReady.isEmpty { subset["notReadyAddresses"] = .array(notReady) }
      if !ports.isEmpty { subset["ports"] = .array(ports.map(Self.port)) }
      return subset
    }
    var wanted: KubeObject =
      present
      ?? KubeObject([
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": ["name": .string(service.name), "namespace": .string(service.namespace)],
      ])
    var labels: [String: String] = service.labels
    labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller"
    wanted.json["metadata"]["labels"] = JSONValue(labels)
    wanted.json["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] = endpoints.count > counted.count ? "truncated" : .null
    if wanted.metadata["annotations"].object?.isEmpty == true { wanted.json["metadata"]["annotations"] = .null }
    // An empty list and none are the same; a server may keep either.
    if wanted["subsets"].array != subsets { wanted["subsets"] = subsets.isEmpty ? .null : .array(subsets) }
    if let present {
      if wanted != present { actions.append(.update(.endpoints, wanted)) }
    } else {
      actions.append(.create(.endpoints, wanted))
    }
  }

  private static func address(_ endpoint: EndpointFacts) -> JSONValue {
    var address: JSONValue = ["ip": .string(endpoint.addresses[0])]
    if let hostname: String = endpoint.hostname { address["hostname"] = .string(hostname) }
    if let nodeName: String = endpoint.nodeName { address["nodeName"] = .string(nodeName) }
    address["targetRef"] = endpoint.target
    return address
  }

  /// Unlike a slice's, a port without a name has no `name` field here.
  private static func port(_ port: EndpointPort) -> JSONValue {
    var json: JSONValue = port.json
    if port.name.isEmpty { json["name"] = .null }
    return json
  }
}
