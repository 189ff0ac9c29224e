import KubeClient
import KubeModel

/// Which EndpointSlices a Service needs, and how to get there from those that exist with few writes. Pure.
///
/// Pods with the same ports share slices of up to 100. An endpoint stays in the slice where it is; room that deletions left is
/// filled before new slices are made; empty slices go. Names follow from Service, family, ports and number, so that a decision made
/// twice on old facts collides with itself instead of doubling the endpoints.
struct EndpointSliceDecision: Sendable {
  static let serviceLabel: String = "kubernetes.io/service-name"
  static let managedLabel: String = "endpointslice.kubernetes.io/managed-by"
  static let manager: String = "endpointslice-controller.k8s.io"
  static let headlessLabel: String = "service.kubernetes.io/headless"

  private let service: KubeObject
  /// All of the Service's pods are `hot`: readers may prefer endpoints of their own center, which no failover takes from it.
  private let isHot: Bool
  private(set) var actions: [Action] = []

  /// `slices`: those of this Service that this controller manages.
  init(_ service: KubeObject, pods: [KubeObject], nodes: (String) -> KubeObject?, slices: [KubeObject]) {
    self.service = service
    isHot = !pods.isEmpty && pods.allSatisfy { WorkloadTier($0).isEverywhere }
    let given: [String] = service.spec["ipFamilies"].array.compactMap(\.string)
    for family in given.isEmpty ? ["IPv4"] : given {
      let endpoints: [EndpointFacts] = pods.compactMap { EndpointFacts($0, service: service, node: nodes($0.nodeName), family: family) }
      decide(family, endpoints, slices.filter { $0["addressType"].string == family })
    }
    for slice in slices where !(given.isEmpty ? ["IPv4"] : given).contains(slice["addressType"].string ?? "") { remove(slice) }
  }

  private mutating func decide(_ family: String, _ endpoints: [EndpointFacts], _ slices: [KubeObject]) {
    var wanted: [[EndpointPort]: [EndpointFacts]] = Dictionary(grouping: endpoints) { $0.ports.sorted() }
    // A Service without endpoints keeps one empty slice: its readers can tell "none" from "not looked at yet".
    if wanted.isEmpty { wanted[[]] = [] }
    let present: [[EndpointPort]: [KubeObject]] = Dictionary(grouping: slices) { Self.ports($0) }
    for ports in wanted.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      fill(family, ports, wanted[ports] ?? [], (present[ports] ?? []).sorted { $0.name < $1.name }, keepEmpty: wanted.count == 1)
    }
    for (ports, slices) in present.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where wanted[ports] == nil {
      for slice in slices.sorted(by: { $0.name < $1.name }) { remove(slice) }
    }
  }

  private mutating func fill(
    _ family: String, _ ports: [EndpointPort], _ endpoints: [EndpointFacts], _ slices: [KubeObject], keepEmpty: Bool
  ) {
    var left: [String: EndpointFacts] = Dictionary(endpoints.map { ($0.podUID, $0) }) { first, _ in first }
    var contents: [(slice: KubeObject, endpoints: [JSONValue])] = slices.map { slice in
      let kept: [JSONValue] = slice["endpoints"].array.compactMap { present in
        left.removeValue(forKey: present["targetRef"]["uid"].string ?? "").map { Self.merge($0.json, into: present) }
      }
      return (slice, kept)
    }
    var added: [JSONValue] = left.values.sorted { ($0.podName, $0.podUID) < ($1.podName, $1.podUID) }.map(\.json)
    for index in contents.indices where !added.isEmpty {
      let room: Int = ControllerLimits.endpointsPerSlice - contents[index].endpoints.count
      contents[index].endpoints += added.prefix(room)
      added.removeFirst(min(room, added.count))
    }
    var used: Set<String> = Set(slices.map(\.name))
    var number: Int = 0
    let isEmpty: Bool = endpoints.isEmpty
    while !added.isEmpty || (contents.isEmpty && keepEmpty) {
      var name: String = self.name(family, ports, number)
      while !used.insert(name).inserted {
        number += 1
        name = self.name(family, ports, number)
      }
      let part: [JSONValue] = Array(added.prefix(ControllerLimits.endpointsPerSlice))
      added.removeFirst(part.count)
      var slice: KubeObject = skeleton(family, ports)
      slice.json["metadata"]["name"] = .string(name)
      slice["endpoints"] = .array(part)
      contents.append((slice, part))
      actions.append(.create(.endpointSlices, slice))
    }
    var keptEmpty: Bool = false
    for (slice, endpoints) in contents where !slice.uid.isEmpty {
      if endpoints.isEmpty, !(isEmpty && keepEmpty && !keptEmpty) {
        remove(slice)
        continue
      }
      keptEmpty = keptEmpty || endpoints.isEmpty
      var changed: KubeObject = slice
      let fresh: KubeObject = skeleton(family, ports)
      changed.json["metadata"]["labels"] = fresh.metadata["labels"]
      changed.json["metadata"]["ownerReferences"] = fresh.metadata["ownerReferences"]
      // An empty list and none are the same; a server may keep either.
      if changed["endpoints"].array != endpoints { changed["endpoints"] = .array(endpoints) }
      if changed != slice { actions.append(.update(.endpointSlices, changed)) }
    }
  }

  /// An endpoint with what another program added to it (`hints`) left in place.
  private static func merge(_ endpoint: JSONValue, into present: JSONValue) -> JSONValue {
    var merged: JSONValue = endpoint
    merged["hints"] = present["hints"]
    return merged
  }

  private static func ports(_ slice: KubeObject) -> [EndpointPort] { slice["ports"].array.map { EndpointPort(slicePort: $0) }.sorted() }

  private mutating func remove(_ slice: KubeObject) {
    actions.append(.delete(.endpointSlices, namespace: slice.namespace, name: slice.name, DeleteOptions(uid: slice.uid)))
  }

  private func name(_ family: String, _ ports: [EndpointPort], _ number: Int) -> String {
    var hash: UInt32 = 2_166_136_261
    let text: String =
      "\(service.uid) \(family) \(number) " + ports.map { "\($0.name)/\($0.protocolName)/\($0.port)" }.joined(separator: ",")
    for byte in text.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    let suffix: String = String(GeneratedNames.safeEncoded(String(hash)).suffix(7))
    return "\(service.name.prefix(NameRules.subdomainLength - 8))-\(suffix)"
  }

  private func skeleton(_ family: String, _ ports: [EndpointPort]) -> KubeObject {
    var labels: [String: String] = service.labels
    labels[Self.serviceLabel] = service.name
    labels[Self.managedLabel] = Self.manager
    labels[Self.headlessLabel] = service.spec["clusterIP"].string == "None" ? "" : nil
    labels[WorkloadTier.annotation] = isHot ? WorkloadTier.hot.rawValue : nil
    return KubeObject([
      "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
      "metadata": [
        "namespace": .string(service.namespace), "labels": JSONValue(labels),
        "ownerReferences": [Ownership.reference(to: service, .services)],
      ], "addressType": .string(family), "ports": .array(ports.map(\.json)), "endpoints": [],
    ])
  }
}

extension EndpointPort {
  init(slicePort: JSONValue) {
    name = slicePort["name"].string ?? ""
    protocolName = slicePort["protocol"].string ?? "TCP"
    port = slicePort["port"].int ?? 0
    appProtocol = slicePort["appProtocol"].string
  }
}
