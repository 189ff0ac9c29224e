/// What a certificate is to say about its holder.
public struct LeafDescription: Sendable, Equatable {
  public enum Usage: String, Sendable, CaseIterable {
    case server = "serverAuth"
    case client = "clientAuth"
  }

  /// The user name towards Kubernetes; 1 to 64 bytes (RFC 5280 appendix A.1, ub-common-name).
  public var commonName: String
  /// The groups towards Kubernetes; 1 to 64 bytes each.
  public var organizations: [String] = []
  public var dnsNames: [String] = []
  /// IPv4 or IPv6 in text.
  public var addresses: [String] = []
  public var uris: [String] = []
  public var usages: Set<Usage> = [.server, .client]
  public var lifetime: Duration = .seconds(365 * 86_400)

  public init(commonName: String, organizations: [String] = []) {
    self.commonName = commonName
    self.organizations = organizations
  }
}
