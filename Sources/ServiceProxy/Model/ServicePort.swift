import KubeModel
import Primitives

/// One port of a Service with everything that decides where its packets go.
struct ServicePort: Hashable, Sendable {
  struct Endpoint: Hashable, Comparable, Sendable {
    var address: String
    var port: Int64
    static func < (left: Self, right: Self) -> Bool { (left.address, left.port) < (right.address, right.port) }
    var description: String { "\(address):\(port)" }
  }

  /// `namespace/name:port`
  var name: String
  /// tcp, udp or sctp.
  var transport: String
  var clusterIPs: [String]
  var port: Int64
  var nodePort: Int64?
  var externalIPs: [String]
  /// Seconds that a client stays with its endpoint; nil without ClientIP affinity.
  var affinitySeconds: Int64?
  /// What packets from inside go to.
  var endpoints: [Endpoint]
  /// All its pods are `hot`: it is served here whatever center is active.
  var isHot: Bool = false
  /// With externalTrafficPolicy Local: what packets from outside go to, on this host only, with their source unchanged. Nil otherwise.
  var localEndpoints: [Endpoint]?

  /// IPv4 Services that have a virtual address, in the order of their names. `zone`: this host's center. A Service whose pods are all
  /// `hot` is served from there as long as one of them is ready there: another center's may be dead for as long as the activation's lease.
  /// `left`: nothing leads there any more except to `hot` Services, whatever the slices say.
  static func all(services: [KubeObject], slices: [KubeObject], node: String, zone: String?, left: Departure? = nil) -> [ServicePort] {
    var slicesOf: [String: [KubeObject]] = [:]
    for slice in slices where slice["addressType"].string != "IPv6" && slice["addressType"].string != "FQDN" {
      if let service: String = slice.labels["kubernetes.io/service-name"] {
        slicesOf["\(slice.namespace)/\(service)", default: []].append(slice)
      }
    }
    return services.sorted { $0.key < $1.key }.flatMap { service in
      ports(of: service, slices: slicesOf[service.key] ?? [], here: Place(node: node, zone: zone, left: left))
    }
  }

  private struct Place {
    var node: String
    var zone: String?
    var left: Departure?
  }

  private static func ports(of service: KubeObject, slices: [KubeObject], here: Place) -> [ServicePort] {
    let listed: [String] = service.spec["clusterIPs"].array.compactMap(\.string)
    let clusterIPs: [String] = (listed.isEmpty ? [service.spec["clusterIP"].string ?? ""] : listed).filter { $0.contains(".") }
    guard !clusterIPs.isEmpty, service.spec["type"].string != "ExternalName" else { return [] }
    let affinity: Int64? =
      service.spec["sessionAffinity"].string == "ClientIP"
      ? service.spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].int ?? 10_800 : nil
    return service.spec["ports"].array.compactMap { port in
      guard let number: Int64 = port["port"].int else { return nil }
      let transport: String = (port["protocol"].string ?? "TCP").lowercased()
      let name: String = port["name"].string ?? ""
      let (all, local) = endpoints(slices, port: name, transport: transport, here: here)
      let isLocal: Bool = service.spec["externalTrafficPolicy"].string == "Local"
      let inside: [Endpoint] = service.spec["internalTrafficPolicy"].string == "Local" ? local : all
      return ServicePort(
        name: "\(service.key):\(name.isEmpty ? String(number) : name)", transport: transport, clusterIPs: clusterIPs, port: number,
        nodePort: port["nodePort"].int.flatMap { $0 > 0 ? $0 : nil },
        externalIPs: service.spec["externalIPs"].array.compactMap(\.string)
          + service.status["loadBalancer"]["ingress"].array.compactMap { $0["ip"].string },
        affinitySeconds: affinity, endpoints: inside, isHot: isHot(slices), localEndpoints: isLocal ? local : nil)
    }
  }

  private static func isHot(_ slices: [KubeObject]) -> Bool {
    !slices.isEmpty && slices.allSatisfy { $0.labels[WorkloadTier.annotation] == WorkloadTier.hot.rawValue }
  }

  /// Ready endpoints; if none is ready, those that still serve while they end (KEP-1669).
  private static func endpoints(
    _ slices: [KubeObject], port: String, transport: String, here: Place
  ) -> (all: [Endpoint], local: [Endpoint]) {
    var ready: Set<Endpoint> = []
    var serving: Set<Endpoint> = []
    var onNode: Set<Endpoint> = []
    var inZone: Set<Endpoint> = []
    let left: Departure? = isHot(slices) ? nil : here.left
    // A host of the center that was left, if it lives, has its own API server, which may be the only one that it reaches.
    let hosts: Set<String> = left.map { $0.center == here.zone ? [] : $0.hosts } ?? []
    for slice in slices {
      guard
        let number: Int64 = slice["ports"].array.first(where: {
          ($0["name"].string ?? "") == port && ($0["protocol"].string ?? "TCP").lowercased() == transport
        })?["port"].int
      else { continue }
      for entry in slice["endpoints"].array {
        if let left, entry["zone"].string == left.center { continue }
        let conditions: JSONValue = entry["conditions"]
        for address in entry["addresses"].array.compactMap(\.string) where !hosts.contains(address) {
          let endpoint = Endpoint(address: address, port: number)
          if conditions["ready"].bool != false { ready.insert(endpoint) }
          if conditions["serving"].bool == true, conditions["terminating"].bool == true { serving.insert(endpoint) }
          if entry["nodeName"].string == here.node { onNode.insert(endpoint) }
          if let zone: String = entry["zone"].string, zone == here.zone { inZone.insert(endpoint) }
        }
      }
    }
    var chosen: Set<Endpoint> = ready.isEmpty ? serving : ready
    if isHot(slices), !ready.isDisjoint(with: inZone) { chosen = ready.intersection(inZone) }
    return (Array(chosen.sorted().prefix(ProxyLimits.endpoints)), Array(chosen.intersection(onNode).sorted()))
  }
}
