import COpenSSL
import Primitives

/// A certificate authority of our own: a self-signed P-256 certificate that signs leaves and nothing else (path length 0).
public struct CertificateAuthority: Sendable {
  public let certificate: Certificate
  let key: PrivateKey

  /// Certificates begin this long before they are made: hosts' clocks differ.
  static let clockSkewSeconds: Int64 = 300

  /// A new one with a new key. Throws `.badCertificate` for a name of more than 64 bytes.
  public static func create(commonName: String, lifetime: Duration, now: WallTime) throws -> CertificateAuthority {
    try create(commonName: commonName, key: .generate(.p256), lifetime: lifetime, now: now)
  }

  static func create(commonName: String, key: PrivateKey, lifetime: Duration, now: WallTime) throws -> CertificateAuthority {
    let builder = try CertificateBuilder()
    try builder.setLife(from: start(now), lifetime: lifetime)
    try builder.setSubject(commonName: commonName, organizations: [])
    builder.setIssuer(nil)
    try builder.setKey(key)
    try builder.add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", authority: nil)
    try builder.add(NID_key_usage, "critical,keyCertSign,cRLSign", authority: nil)
    try builder.add(NID_subject_key_identifier, "hash", authority: nil)
    return CertificateAuthority(certificate: try builder.signed(with: key), key: key)
  }

  /// From files; the key's with mode 0600. Throws as `TLSIdentity.init(certificateFile:keyFile:)` does.
  public static func load(certificateFile: String, keyFile: String) throws -> CertificateAuthority {
    let identity = try TLSIdentity(certificateFile: certificateFile, keyFile: keyFile)
    guard X509_check_ca(identity.certificate.pointer) > 0 else {
      throw TLSError(.badCertificate, "The certificate in \(certificateFile) is not an authority's.")
    }
    return CertificateAuthority(certificate: identity.certificate, key: identity.key)
  }

  /// Key first: a certificate without its key is of no use to anyone.
  public func write(certificateFile: String, keyFile: String) throws {
    try SecretFile.write(key.pem, to: keyFile, mode: 0o600)
    try SecretFile.write(certificate.pem, to: certificateFile, mode: 0o644)
  }

  public var trust: TLSTrust { TLSTrust(authorities: [certificate]) }

  /// A new key and a certificate for it. The leaf does not outlive its authority.
  public func issue(_ leaf: LeafDescription, now: WallTime) throws -> TLSIdentity {
    let key = PrivateKey.generate(.p256)
    let start: WallTime = Self.start(now)
    let left: Int64 = certificate.notAfter.secondsSince1970 - start.secondsSince1970
    guard left > 0 else {
      throw TLSError(
        .badCertificate, "The authority \"\(certificate.commonName)\" has expired and cannot issue for \"\(leaf.commonName)\".")
    }
    let builder = try CertificateBuilder()
    try builder.setLife(from: start, lifetime: min(leaf.lifetime + .seconds(Self.clockSkewSeconds), .seconds(left)))
    try builder.setSubject(commonName: leaf.commonName, organizations: leaf.organizations)
    builder.setIssuer(certificate)
    try builder.setKey(key)
    try builder.add(NID_basic_constraints, "critical,CA:FALSE", authority: certificate)
    try builder.add(NID_key_usage, "critical,digitalSignature", authority: certificate)
    if !leaf.usages.isEmpty {
      let usages: String = leaf.usages.map(\.rawValue).sorted().joined(separator: ",")
      try builder.add(NID_ext_key_usage, usages, authority: certificate)
    }
    try builder.add(NID_subject_key_identifier, "hash", authority: certificate)
    try builder.add(NID_authority_key_identifier, "keyid:always", authority: certificate)
    try builder.addAlternativeNames(of: leaf)
    return try TLSIdentity(chain: [try builder.signed(with: self.key)], key: key)
  }

  private static func start(_ now: WallTime) -> WallTime {
    WallTime(secondsSince1970: now.secondsSince1970 - clockSkewSeconds)
  }
}

extension TLSIdentity {
  /// Replaces both files, the key's with mode 0600. A reader between the two sees a pair that does not match and keeps its old one.
  public func write(certificateFile: String, keyFile: String) throws {
    try SecretFile.write(key.pem, to: keyFile, mode: 0o600)
    try SecretFile.write(chain.flatMap(\.pem), to: certificateFile, mode: 0o644)
  }
}
