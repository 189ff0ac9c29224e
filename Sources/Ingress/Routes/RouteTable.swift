import KubeModel
import Primitives

/// The routes that Services ask for, and what is wrong with those that get none. Pure.
public struct RouteTable: Hashable, Sendable {
  /// Host names that a Service shall answer to over HTTP, separated by commas.
  public static let hostAnnotation = "ingress.tricenter.io/host"
  /// Which of the Service's ports, by name or number; the first one without it.
  public static let portAnnotation = "ingress.tricenter.io/port"

  public struct Refusal: Hashable, Sendable {
    /// `namespace/name` of the Service.
    public var service: String
    public var reason: String
  }

  /// By host name.
  public private(set) var routes: [IngressRoute] = []
  public private(set) var refusals: [Refusal] = []

  public init(services: [KubeObject], slices: [KubeObject]) {
    let slicesOf: [String: [KubeObject]] = Dictionary(grouping: slices) { slice in
      "\(slice.namespace)/\(slice.labels["kubernetes.io/service-name"] ?? "")"
    }
    var owner: [String: String] = [:]
    for service in services.filter({ !$0.isBeingDeleted && $0.annotations[Self.hostAnnotation] != nil }).sorted(by: Self.isOlder) {
      guard let port: JSONValue = wantedPort(service), let number: Int64 = port["port"].int else { continue }
      let upstreams: [IngressRoute.Upstream] = Self.upstreams(slicesOf[service.key] ?? [], portName: port["name"].string ?? "")
      for host in hosts(service) {
        if let other = owner[host] {
          refuse(service, "\(host) belongs to Service \(other), which is older")
        } else {
          owner[host] = service.key
          routes.append(
            IngressRoute(host: host, namespace: service.namespace, service: service.name, port: number, upstreams: upstreams))
        }
      }
    }
    routes.sort { $0.host < $1.host }
    if routes.count > IngressLimits.routes {
      for route in routes[IngressLimits.routes...] {
        refusals.append(
          Refusal(
            service: "\(route.namespace)/\(route.service)",
            reason: "\(route.host) is left out: there are more than \(IngressLimits.routes) host names"))
      }
      routes.removeSubrange(IngressLimits.routes...)
    }
  }

  /// Whoever was first keeps a host name; equal times are decided by name, so that every center decides alike.
  private static func isOlder(_ left: KubeObject, _ right: KubeObject) -> Bool {
    let (leftTime, rightTime) = (left.metadata["creationTimestamp"].string ?? "", right.metadata["creationTimestamp"].string ?? "")
    return leftTime != rightTime ? leftTime < rightTime : left.key < right.key
  }

  private mutating func refuse(_ service: KubeObject, _ reason: String) {
    refusals.append(Refusal(service: service.key, reason: reason))
  }

  /// Only names that are names get into a configuration file.
  private mutating func hosts(_ service: KubeObject) -> [String] {
    var hosts: [String] = []
    for part in (service.annotations[Self.hostAnnotation] ?? "").split(separator: ",") {
      let host: String = part.filter { $0 != " " }.lowercased()
      let name: Substring = host.hasPrefix("*.") ? host.dropFirst(2) : host[...]
      if hosts.count == IngressLimits.hostsPerService {
        refuse(service, "\(host) is left out: a Service may have \(IngressLimits.hostsPerService) host names")
      } else if NameRules.subdomain(String(name)).isEmpty {
        if !hosts.contains(host) { hosts.append(host) }
      } else {
        refuse(service, "\(Self.hostAnnotation) has \"\(part)\", which is no host name")
      }
    }
    if hosts.isEmpty { refuse(service, "\(Self.hostAnnotation) names no host") }
    return hosts
  }

  private mutating func wantedPort(_ service: KubeObject) -> JSONValue? {
    let ports: [JSONValue] = service.spec["ports"].array.filter { ($0["protocol"].string ?? "TCP") == "TCP" }
    guard let wanted: String = service.annotations[Self.portAnnotation] else {
      if ports.isEmpty { refuse(service, "the Service has no TCP port") }
      return ports.first
    }
    let found: JSONValue? = ports.first { $0["name"].string == wanted || $0["port"].int.map(String.init) == wanted }
    if found == nil { refuse(service, "\(Self.portAnnotation) says \(wanted), and the Service has no such TCP port") }
    return found
  }

  /// Ready endpoints of all slices; a port of a slice has the name of the Service's port (EndpointSlice field documentation).
  private static func upstreams(_ slices: [KubeObject], portName: String) -> [IngressRoute.Upstream] {
    var found: Set<IngressRoute.Upstream> = []
    for slice in slices {
      let port: JSONValue? = slice["ports"].array.first { ($0["name"].string ?? "") == portName }
      guard let number: Int64 = port?["port"].int, (1...65_535).contains(number) else { continue }
      for endpoint in slice["endpoints"].array where endpoint["conditions"]["ready"].bool ?? true {
        guard let address: String = endpoint["addresses"][0].string, IPAddress.isValid(address) else { continue }
        found.insert(IngressRoute.Upstream(address: address, port: number))
      }
    }
    return Array(found.sorted { ($0.address, $0.port) < ($1.address, $1.port) }.prefix(IngressLimits.upstreams))
  }
}
