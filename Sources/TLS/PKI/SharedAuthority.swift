import Primitives

/// An authority without a file: its key follows from words that its users share, so that each of them makes certificates which the
/// others believe. Whoever knows the words is one of them: as good as the words are secret, and no better. What is said is hidden from
/// whoever only listens, whatever the words are (TLS 1.3 has forward secrecy).
public struct SharedAuthority: Sendable {
  private let authority: CertificateAuthority
  /// What the certificates' URIs name in place of a federation; tells nothing of the words.
  public let federation: String
  private static let lifetime: Duration = .seconds(20 * 365 * 86_400)

  /// Takes about 50 ms: whoever tries words against a certificate that was seen needs as long for each.
  /// - Parameter purpose: another one, another authority from the same words.
  public init(words: String, purpose: String, now: WallTime) throws {
    let key = PrivateKey(ed25519Seed: PasswordHash.key(Bytes(words), purpose: "tricenter shared authority: \(purpose)"))
    federation = "shared-" + SHA256.hexadecimal(try key.publicKey.pem).prefix(16)
    authority = try .create(commonName: federation, key: key, lifetime: Self.lifetime, now: now)
  }

  public var trust: TLSTrust { authority.trust }

  /// A certificate for a daemon of this host, with a key that nobody else has, for as long as a process lives. Throws `.badCertificate` for
  /// names that a certificate cannot hold.
  public func identity(center: String, host: String, daemon: String, now: WallTime) throws -> TLSIdentity {
    guard IdentityURI.isName(center), IdentityURI.isName(host) else {
      throw TLSError(
        .badCertificate,
        "\"\(host)\" in \"\(center)\" cannot stand in a certificate: only letters, digits, dots, dashes and underscores can.")
    }
    var leaf = LeafDescription(commonName: String("tricenter:\(daemon):\(host)".prefix(64)))
    leaf.uris = [IdentityURI(federation: federation, center: center, host: host, daemon: daemon).description]
    leaf.lifetime = Self.lifetime
    return try authority.issue(leaf, now: now)
  }
}
