import Primitives

/// What the certificates of a federation are made from; the site file says the same in its own words.
public struct FederationPlan: Sendable {
  public struct Host: Sendable {
    public var center: CenterName
    public var name: HostName
    /// IP addresses on which its daemons are reached.
    public var addresses: [String]
    /// DNS names on which its daemons are reached, besides the host's own.
    public var dnsNames: [String]
    public init(center: CenterName, name: HostName, addresses: [String], dnsNames: [String] = []) {
      self.center = center
      self.name = name
      self.addresses = addresses
      self.dnsNames = dnsNames
    }
  }

  public var federation: String
  public var hosts: [Host]
  /// What clients inside the clusters call the apiserver, besides `kubernetes.default.svc` and its shorter forms: the first address of
  /// each service range, `kubernetes.default.svc.DOMAIN`.
  public var apiServerAddresses: [String] = []
  public var apiServerNames: [String] = []
  public var authorityLifetime: Duration = .seconds(10 * 365 * 86_400)
  public var leafLifetime: Duration = .seconds(365 * 86_400)

  public init(federation: String, hosts: [Host]) {
    self.federation = federation
    self.hosts = hosts
  }

  /// All reasons why no certificates can be made from this; empty if they can.
  public var problems: [String] {
    var problems: [String] = []
    if !IdentityURI.isName(federation) || federation.utf8.count > 48 {
      problems.append("The federation's name \"\(federation)\" must be 1 to 48 letters, digits, dots, dashes or underscores.")
    }
    var seen: Set<HostName> = []
    for host in hosts {
      if !seen.insert(host.name).inserted { problems.append("The host \"\(host.name)\" is there twice.") }
      // With the longest prefix ("system:node:") the common name stays within its 64 bytes.
      for name in [host.center.value, host.name.value] where !IdentityURI.isName(name) || name.utf8.count > 48 {
        problems.append("\"\(name)\" must be 1 to 48 letters, digits, dots, dashes or underscores.")
      }
    }
    return problems
  }
}

/// The daemons that have a certificate on every host.
public enum PKIDaemon: String, Sendable, CaseIterable {
  case store, apiserver
  case controllerManager = "controller-manager"
  case scheduler, federation, dns, proxy, kubelet

  func leaf(_ host: FederationPlan.Host, in plan: FederationPlan) -> LeafDescription {
    var leaf: LeafDescription =
      switch self {
      case .store: LeafDescription(commonName: "tricenter:store:\(host.name)")
      // What a kube-apiserver calls itself on its loopback connection.
      case .apiserver: LeafDescription(commonName: "system:apiserver", organizations: ["system:masters"])
      case .controllerManager: LeafDescription(commonName: "system:kube-controller-manager")
      case .scheduler: LeafDescription(commonName: "system:kube-scheduler")
      case .federation: LeafDescription(commonName: "tricenter:federation", organizations: ["system:masters"])
      case .dns: LeafDescription(commonName: "tricenter:dns")
      case .proxy: LeafDescription(commonName: "system:kube-proxy")
      case .kubelet: LeafDescription(commonName: "system:node:\(host.name)", organizations: ["system:nodes"])
      }
    leaf.dnsNames = Self.unique([host.name.value, "localhost"] + host.dnsNames)
    leaf.addresses = Self.unique(["127.0.0.1", "::1"] + host.addresses)
    if self == .apiserver {
      let inside: [String] = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
      leaf.dnsNames = Self.unique(leaf.dnsNames + inside + plan.apiServerNames)
      leaf.addresses = Self.unique(leaf.addresses + plan.apiServerAddresses)
    }
    leaf.uris = [
      IdentityURI(federation: plan.federation, center: host.center.value, host: host.name.value, daemon: rawValue).description
    ]
    leaf.lifetime = plan.leafLifetime
    return leaf
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }
}
