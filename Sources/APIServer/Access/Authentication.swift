import TLS

/// Who asks, as authorization and `managedFields` know them.
public struct UserInfo: Hashable, Sendable {
  public var name: String
  public var groups: [String]

  public init(name: String, groups: [String]) {
    self.name = name
    self.groups = groups
  }

  /// Common name → user, organizations → groups; everyone with a certificate is also `system:authenticated`.
  /// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
  public init?(_ peer: PeerIdentity?) {
    guard let peer, !peer.commonName.isEmpty else { return nil }
    self.init(name: peer.commonName, groups: peer.organizations + ["system:authenticated"])
  }
}
