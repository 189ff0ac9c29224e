import COpenSSL
import Primitives

/// An X509 under construction. Names go in as values, never through OpenSSL's configuration syntax, in which a comma in a name would
/// begin another.
struct CertificateBuilder: ~Copyable {
  private let certificate: OpaquePointer

  init() throws {
    OpenSSLErrors.clear()
    guard let certificate: OpaquePointer = X509_new() else { throw OpenSSLErrors.fault(.library, "No certificate can be made.") }
    self.certificate = certificate
    // Version 3 (RFC 5280 section 4.1.2.1) is written as 2.
    X509_set_version(certificate, 2)
    // 127 random bits: positive, and unique without a counter that could be lost.
    var serial: Bytes = SecureRandom.bytes(16)
    serial[0] = serial[0] & 0x7F | 0x40
    let number: OpaquePointer? = BN_bin2bn(serial, Int32(serial.count), nil)
    defer { BN_free(number) }
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate))
  }

  deinit { X509_free(certificate) }

  func setLife(from start: WallTime, lifetime: Duration) throws {
    let end: Int64 = start.secondsSince1970 + lifetime.components.seconds
    guard ASN1_TIME_set(X509_getm_notBefore(certificate), Int(start.secondsSince1970)) != nil,
      ASN1_TIME_set(X509_getm_notAfter(certificate), Int(end)) != nil
    else { throw OpenSSLErrors.fault(.badCertificate, "A certificate cannot end \(end) seconds after 1970.") }
  }

  func setSubject(commonName: String, organizations: [String]) throws {
    let name: OpaquePointer? = X509_get_subject_name(certificate)
    for (kind, value) in organizations.map({ (NID_organizationName, $0) }) + [(NID_commonName, commonName)] {
      guard (1...64).contains(value.utf8.count), !value.utf8.contains(0),
        X509_NAME_add_entry_by_NID(name, kind, MBSTRING_UTF8, Bytes(value), Int32(value.utf8.count), -1, 0) == 1
      else { throw OpenSSLErrors.fault(.badCertificate, "\"\(value)\" cannot be a certificate's name: it must have 1 to 64 bytes.") }
    }
  }

  func setIssuer(_ authority: Certificate?) {
    X509_set_issuer_name(certificate, X509_get_subject_name(authority?.pointer ?? certificate))
  }

  /// The certificate's key: of a pair whose other half may be elsewhere.
  func setKey(_ key: PrivateKey) throws {
    guard X509_set_pubkey(certificate, key.native.pointer) == 1 else {
      throw OpenSSLErrors.fault(.badCertificate, "This key cannot be certified.")
    }
  }

  /// `value` in OpenSSL's configuration syntax: constants of ours only.
  func add(_ extensionKind: Int32, _ value: String, authority: Certificate?) throws {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, authority?.pointer ?? certificate, certificate, nil, nil, 0)
    guard let made: OpaquePointer = X509V3_EXT_nconf_nid(nil, &context, extensionKind, value) else {
      throw OpenSSLErrors.fault(.badCertificate, "OpenSSL refuses the extension \(value).")
    }
    defer { X509_EXTENSION_free(made) }
    guard X509_add_ext(certificate, made, -1) == 1 else {
      throw OpenSSLErrors.fault(.badCertificate, "OpenSSL refuses the extension \(value).")
    }
  }

  func addAlternativeNames(of leaf: LeafDescription) throws {
    guard !leaf.dnsNames.isEmpty || !leaf.addresses.isEmpty || !leaf.uris.isEmpty else { return }
    let list: OpaquePointer? = GENERAL_NAMES_new()
    defer { GENERAL_NAMES_free(list) }
    for name in leaf.dnsNames {
      let plain: String = name.hasPrefix("*.") ? String(name.dropFirst(2)) : name
      guard IdentityURI.isName(plain) else { throw TLSError(.badCertificate, "\"\(name)\" is not a DNS name.") }
      try Self.push(list, GEN_DNS, Bytes(name))
    }
    for address in leaf.addresses {
      guard let bytes: Bytes = IPText.bytes(address) else { throw TLSError(.badCertificate, "\"\(address)\" is not an IP address.") }
      try Self.push(list, GEN_IPADD, bytes)
    }
    for uri in leaf.uris {
      guard !uri.isEmpty, uri.utf8.allSatisfy({ (33...126).contains($0) }) else {
        throw TLSError(.badCertificate, "\"\(uri)\" is not a URI.")
      }
      try Self.push(list, GEN_URI, Bytes(uri))
    }
    guard X509_add1_ext_i2d(certificate, NID_subject_alt_name, UnsafeMutableRawPointer(list), 0, 0) == 1 else {
      throw OpenSSLErrors.fault(.badCertificate, "OpenSSL refuses the names of \"\(leaf.commonName)\".")
    }
  }

  private static func push(_ list: OpaquePointer?, _ kind: Int32, _ bytes: Bytes) throws {
    let name: UnsafeMutablePointer<GENERAL_NAME>? = GENERAL_NAME_new()
    let string: UnsafeMutablePointer<ASN1_STRING>? = ASN1_STRING_type_new(kind == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING)
    guard let name, let string, ASN1_STRING_set(string, bytes, Int32(bytes.count)) == 1 else {
      GENERAL_NAME_free(name)
      ASN1_STRING_free(string)
      throw OpenSSLErrors.fault(.library, "No memory for a certificate's name.")
    }
    GENERAL_NAME_set0_value(name, kind, string)
    guard OPENSSL_sk_push(list, name) > 0 else {
      GENERAL_NAME_free(name)
      throw OpenSSLErrors.fault(.library, "No memory for a certificate's name.")
    }
  }

  /// ECDSA with SHA-256, or Ed25519, as the key is.
  consuming func signed(with key: PrivateKey) throws -> Certificate {
    guard X509_sign(certificate, key.native.pointer, key.native.digest) > 0 else {
      throw OpenSSLErrors.fault(.badCertificate, "The authority's key cannot sign.")
    }
    X509_up_ref(certificate)
    return Certificate(owning: certificate)
  }
}
