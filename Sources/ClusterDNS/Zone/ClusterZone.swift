import Glibc
import KubeModel
import Primitives

/// Answers for Services by the Kubernetes DNS specification 1.1.0
/// (https://github.com/kubernetes/dns/blob/master/docs/specification.md): pure look-ups, no state.
struct ClusterZone: Sendable {
  let domain: DNSName
  let directory: any ServiceDirectory
  /// The center that an activation has just left: only `hot` pods are there still, whatever the slices say.
  let left: @Sendable () -> String?
  static let ttlSeconds: UInt32 = 5

  /// What stands behind a name: records of every type, or that the name does not exist.
  enum Finding {
    case records([DNSRecord])
    case noSuchName
  }

  /// `labels`: what stands in front of the domain.
  func find(_ labels: [String], _ name: DNSName) -> Finding {
    guard let kind: String = labels.last else { return .records([]) }
    switch kind {
    case "svc": return service(Array(labels.dropLast()), name)
    case "pod": return pod(Array(labels.dropLast()), name)
    case "dns-version" where labels.count == 1: return .records([DNSRecord(name: name, ttlSeconds: Self.ttlSeconds, data: .txt(["1.1.0"]))])
    default: return .noSuchName
    }
  }

  private func service(_ labels: [String], _ name: DNSName) -> Finding {
    guard let namespace: String = labels.last else { return .records([]) }
    guard labels.count >= 2 else { return directory.hasNamespace(namespace) ? .records([]) : .noSuchName }
    guard let service: KubeObject = directory.service(namespace: namespace, name: labels[labels.count - 2]) else { return .noSuchName }
    let front: [String] = Array(labels.dropLast(2))
    if service.spec["type"].string == "ExternalName" {
      guard front.isEmpty, let target: String = service.spec["externalName"].string else { return .noSuchName }
      return .records([DNSRecord(name: name, ttlSeconds: Self.ttlSeconds, data: .cname(DNSName(target)))])
    }
    let isHeadless: Bool = service.spec["clusterIP"].string == "None"
    if front.isEmpty {
      let addresses: [String] = isHeadless ? endpoints(of: service).map(\.address) : clusterIPs(service)
      return .records(Self.addressRecords(name, addresses))
    }
    if front.count == 2, front[0].hasPrefix("_"), front[1].hasPrefix("_") { return ports(service, front, name, isHeadless) }
    guard isHeadless, front.count == 1 else { return .noSuchName }
    let named: [String] = endpoints(of: service).filter { $0.hostname == front[0] }.map(\.address)
    return named.isEmpty ? .noSuchName : .records(Self.addressRecords(name, named))
  }

  private func clusterIPs(_ service: KubeObject) -> [String] {
    let all: [String] = service.spec["clusterIPs"].array.compactMap(\.string)
    return all.isEmpty ? [service.spec["clusterIP"].string ?? ""] : all
  }

  /// `_http._tcp.web.shop.svc`
  private func ports(_ service: KubeObject, _ front: [String], _ name: DNSName, _ isHeadless: Bool) -> Finding {
    let (portName, transport): (Substring, Substring) = (front[0].dropFirst(), front[1].dropFirst())
    let host: [String] = [service.name, service.namespace, "svc"] + domain.labels
    var records: [DNSRecord] = []
    func add(port: Int64, target: [String]) {
      let data: DNSRecord.Data = .srv(priority: 0, weight: 100, port: UInt16(clamping: port), target: DNSName(labels: target))
      records.append(DNSRecord(name: name, ttlSeconds: Self.ttlSeconds, data: data))
    }
    if isHeadless {
      for endpoint in endpoints(of: service) {
        for port in endpoint.ports where port["name"].string ?? "" == portName && Self.matches(port, transport) {
          add(port: port["port"].int ?? 0, target: [endpoint.hostname] + host)
        }
      }
    } else {
      for port in service.spec["ports"].array where port["name"].string ?? "" == portName && Self.matches(port, transport) {
        add(port: port["port"].int ?? 0, target: host)
      }
    }
    return records.isEmpty ? .noSuchName : .records(records)
  }

  private static func matches(_ port: JSONValue, _ transport: Substring) -> Bool {
    (port["protocol"].string ?? "TCP").lowercased() == transport
  }

  struct Endpoint {
    var address: String
    /// As given, or the address with dashes.
    var hostname: String
    var ports: [JSONValue]
  }

  /// Ready endpoints; all of them where the Service publishes unready ones too.
  func endpoints(of service: KubeObject) -> [Endpoint] {
    let unreadyToo: Bool = service.spec["publishNotReadyAddresses"].bool == true
    let left: String? = left()
    var found: [Endpoint] = []
    for slice in directory.slices(namespace: service.namespace, service: service.name) {
      let isHot: Bool = slice.labels[WorkloadTier.annotation] == WorkloadTier.hot.rawValue
      for endpoint in slice["endpoints"].array where unreadyToo || endpoint["conditions"]["ready"].bool != false {
        if let left, !isHot, endpoint["zone"].string == left { continue }
        for address in endpoint["addresses"].array.compactMap(\.string) {
          let dashed: String = address.replacing(".", with: "-").replacing(":", with: "-")
          found.append(Endpoint(address: address, hostname: endpoint["hostname"].string ?? dashed, ports: slice["ports"].array))
        }
      }
    }
    return Array(found.prefix(DNSLimits.answers))
  }

  /// `10-1-2-3.shop.pod`: the address is the name (CoreDNS calls this "insecure").
  private func pod(_ labels: [String], _ name: DNSName) -> Finding {
    guard labels.count == 2 else { return labels.count < 2 ? .records([]) : .noSuchName }
    let address: String = labels[0].replacing("-", with: ".")
    let records: [DNSRecord] = Self.addressRecords(name, [address])
    return records.isEmpty ? .noSuchName : .records(records)
  }

  /// `4.3.2.1.in-addr.arpa` of a Service.
  func reverse(_ labels: [String], _ name: DNSName) -> Finding {
    guard labels.count == 4, let service: KubeObject = directory.service(clusterIP: labels.reversed().joined(separator: ".")) else {
      return .noSuchName
    }
    let target = DNSName(labels: [service.name, service.namespace, "svc"] + domain.labels)
    return .records([DNSRecord(name: name, ttlSeconds: Self.ttlSeconds, data: .ptr(target))])
  }

  static func addressRecords(_ name: DNSName, _ addresses: [String], ttlSeconds: UInt32 = ttlSeconds) -> [DNSRecord] {
    addresses.compactMap { text in
      if text.contains(":") {
        var raw = in6_addr()
        guard inet_pton(AF_INET6, text, &raw) == 1 else { return nil }
        return DNSRecord(name: name, ttlSeconds: ttlSeconds, data: .aaaa(withUnsafeBytes(of: &raw) { Bytes($0) }))
      }
      var raw = in_addr()
      guard inet_pton(AF_INET, text, &raw) == 1 else { return nil }
      return DNSRecord(name: name, ttlSeconds: ttlSeconds, data: .a(withUnsafeBytes(of: &raw) { Bytes($0) }))
    }
  }
}
