import Logging
import TLS

/// Both sides of the link's TLS, and how members know each other by it.
///
/// Our certificates name a process: federation, center, host, daemon; then a member must be who it says (`judge`). Where
/// `trustsAuthority` is set and our own certificate names none, since an authority of the operator's made it, every certificate of that
/// authority may be a member, as in etcd: the one who dials insists on the name or address that it dialled, and nobody can give commands.
public struct LinkTLS: Sendable {
  public var server: TLSContext
  public var client: TLSContext
  public var trustsAuthority: Bool = false

  public init(server: TLSContext, client: TLSContext) {
    self.server = server
    self.client = client
  }

  /// From certificate, key and authority in files; they are read again when they change. Throws `TLSError`.
  public init(certificateFile: String, keyFile: String, authorityFile: String, logger: Logger) throws {
    try self.init(.files(certificate: certificateFile, key: keyFile), .file(authorityFile), logger)
  }

  /// From what the process made itself. Throws `TLSError`.
  public init(identity: TLSIdentity, trust: TLSTrust, logger: Logger) throws {
    try self.init(.fixed(identity), .fixed(trust), logger)
  }

  private init(_ identity: TLSContext.IdentitySource, _ trust: TLSContext.TrustSource, _ logger: Logger) throws {
    server = try .server(identity: identity, trust: trust, applicationProtocols: [Hello.alpn], logger: logger)
    client = try .client(identity: identity, trust: trust, applicationProtocols: [Hello.alpn], logger: logger)
  }

  /// The federation that our own certificate names; nil if it is not one of ours.
  private var federation: String? { server.certificate?.identity.process?.federation }

  private static let nameless: PeerVerification = { _ in "our own certificate names no federation, so no member can be recognised" }

  /// Of a connection that somebody makes to us: a store of the federation.
  func accepting() -> TLSHandler {
    if let federation { return server.makeHandler(verify: IdentityURI.expect(federation: federation, daemons: ["store"])) }
    return server.makeHandler(verify: trustsAuthority ? nil : Self.nameless)
  }

  /// Of a connection that we make: to the store of the very host that we mean, where it is known. Its name or address does not matter then:
  /// hosts move.
  func dialling(_ address: String, center: String? = nil, host: String? = nil) -> TLSHandler {
    if let federation {
      return client.makeHandler(verify: IdentityURI.expect(federation: federation, center: center, host: host, daemons: ["store"]))
    }
    return trustsAuthority ? client.makeHandler(serverName: address) : client.makeHandler(verify: Self.nameless)
  }
}
