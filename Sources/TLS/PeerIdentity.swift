/// Who is at the other end, as a certificate that our authority signed says. Kubernetes takes the common name as user and
/// the organizations as groups (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates).
public struct PeerIdentity: Hashable, Sendable {
  public var commonName: String
  public var organizations: [String]
  /// `tricenter://FEDERATION/center/CENTER/host/HOST/daemon/DAEMON` for our own processes; none for people.
  public var uris: [String]

  public init(commonName: String, organizations: [String] = [], uris: [String] = []) {
    self.commonName = commonName
    self.organizations = organizations
    self.uris = uris
  }
}
