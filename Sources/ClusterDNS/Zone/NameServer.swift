import KubeModel
import Primitives

/// Where the cluster is active, as the global names show it.
public enum GlobalState: Hashable, Sendable {
  case active(center: String, epoch: Int64, addresses: [String])
  /// This center has not heard lately who is active: it says so instead of giving an address that may be dead.
  case unknown
}

/// Puts the zones together: Services under the cluster's domain, their addresses in reverse, and the global names under
/// `<cluster>.<zone>`. Everything else is refused: this is no resolver for the world.
public struct NameServer: Sendable {
  public struct Configuration: Sendable {
    public var domain: String
    public var cluster: String
    public var zone: String
    /// The center that answers, and its hosts: what is `hot` is served there whatever center is active.
    public var center: String
    public var addresses: [String]
    public init(domain: String, cluster: String, zone: String, center: String = "", addresses: [String] = []) {
      self.domain = domain
      self.cluster = cluster
      self.zone = zone
      self.center = center
      self.addresses = addresses
    }
  }

  /// Time that a global answer may be kept: a failover is seen within it.
  public static let globalTTLSeconds: UInt32 = 1
  private let here: (center: String, addresses: [String])
  private let local: ClusterZone
  private let global: DNSName
  private let directory: any ServiceDirectory
  private let state: @Sendable () -> GlobalState
  private let placed: @Sendable (_ namespace: String) -> GlobalState?
  private static let reverseZone = DNSName("in-addr.arpa")

  /// - Parameters:
  ///   - left: the center that an activation has just left, until the slices must have followed.
  ///   - placed: of a namespace that runs elsewhere than the rest of the cluster; nil: it does not.
  public init(
    _ configuration: Configuration, directory: any ServiceDirectory, left: @escaping @Sendable () -> String? = { nil },
    placed: @escaping @Sendable (_ namespace: String) -> GlobalState? = { _ in nil },
    state: @escaping @Sendable () -> GlobalState
  ) {
    here = (configuration.center, configuration.addresses)
    local = ClusterZone(domain: DNSName(configuration.domain), directory: directory, left: left)
    global = DNSName("\(configuration.cluster).\(configuration.zone)")
    self.directory = directory
    self.state = state
    self.placed = placed
  }

  public func answer(_ query: DNSQuery) -> DNSAnswer {
    guard query.queryClass == 1 || query.queryClass == 255 else { return DNSAnswer(.refused) }
    if let labels: [String] = query.name.prefix(before: local.domain) {
      return finish(
        labels.isEmpty ? .records([]) : local.find(labels, query.name), query, zone: local.domain, negativeTTL: ClusterZone.ttlSeconds)
    }
    if let labels: [String] = query.name.prefix(before: global) { return globalAnswer(labels, query) }
    if let labels: [String] = query.name.prefix(before: Self.reverseZone) {
      guard case .records(let records) = local.reverse(labels, query.name) else { return DNSAnswer(.refused) }
      return finish(.records(records), query, zone: Self.reverseZone, negativeTTL: ClusterZone.ttlSeconds)
    }
    return DNSAnswer(.refused)
  }

  /// `web.shop.<cluster>.<zone>`: addresses of the active center's hosts, or of those where the namespace is placed, if the Service exists,
  /// whether or not a pod of it is ready. The cluster's own name answers too, with the center and epoch as text.
  ///
  /// A Service whose pods are all `hot` is served in several centers, and each of them names itself as long as a pod of it is ready there:
  /// whoever reaches its DNS reaches its hosts, also when it is cut off from the others.
  private func globalAnswer(_ labels: [String], _ query: DNSQuery) -> DNSAnswer {
    if labels.count == 2, !here.addresses.isEmpty, isServedHere(namespace: labels[1], service: labels[0]) {
      var records: [DNSRecord] = ClusterZone.addressRecords(query.name, here.addresses, ttlSeconds: Self.globalTTLSeconds)
      records.append(DNSRecord(name: query.name, ttlSeconds: Self.globalTTLSeconds, data: .txt(["center=\(here.center)", "tier=hot"])))
      return finish(.records(records), query, zone: global, negativeTTL: Self.globalTTLSeconds)
    }
    let elsewhere: GlobalState? = labels.count == 2 ? placed(labels[1]) : nil
    guard case .active(let center, let epoch, let addresses) = elsewhere ?? state() else { return DNSAnswer(.serverFailure) }
    var records: [DNSRecord] = ClusterZone.addressRecords(query.name, addresses, ttlSeconds: Self.globalTTLSeconds)
    records.append(
      DNSRecord(name: query.name, ttlSeconds: Self.globalTTLSeconds, data: .txt(["center=\(center)", "epoch=\(epoch)"])))
    if labels.count == 2 {
      guard directory.service(namespace: labels[1], name: labels[0]) != nil else {
        return finish(.noSuchName, query, zone: global, negativeTTL: Self.globalTTLSeconds)
      }
    } else if !labels.isEmpty {
      let exists: Bool = labels.count == 1 && directory.hasNamespace(labels[0])
      return finish(exists ? .records([]) : .noSuchName, query, zone: global, negativeTTL: Self.globalTTLSeconds)
    }
    return finish(.records(records), query, zone: global, negativeTTL: Self.globalTTLSeconds)
  }

  private func isServedHere(namespace: String, service: String) -> Bool {
    directory.slices(namespace: namespace, service: service).contains { slice in
      slice.labels[WorkloadTier.annotation] == WorkloadTier.hot.rawValue
        && slice["endpoints"].array.contains { $0["zone"].string == here.center && $0["conditions"]["ready"].bool != false }
    }
  }

  /// Picks the wanted type. A name without records of that type is an empty answer, one that does not exist an error; both with the
  /// zone's SOA, which says how long that may be kept (RFC 2308).
  private func finish(_ finding: ClusterZone.Finding, _ query: DNSQuery, zone: DNSName, negativeTTL: UInt32) -> DNSAnswer {
    let soa = DNSRecord(
      name: zone, ttlSeconds: negativeTTL,
      data: .soa(
        primary: DNSName(labels: ["ns"] + zone.labels), mailbox: DNSName(labels: ["hostmaster"] + zone.labels), serial: 1,
        negativeTTL: negativeTTL))
    guard case .records(let records) = finding else { return DNSAnswer(.nameError, authority: [soa]) }
    if query.name == zone, query.type == DNSType.soa { return DNSAnswer(.noError, answers: [soa]) }
    let wanted: [DNSRecord] = records.filter { $0.type == query.type || query.type == DNSType.any || $0.type == DNSType.cname }
    return wanted.isEmpty ? DNSAnswer(.noError, authority: [soa]) : DNSAnswer(.noError, answers: wanted)
  }
}
