import COpenSSL
import Glibc
import Primitives

/// What a certificate says about its holder. Names are taken as bytes of their full length, so that a zero byte inside a name
/// stays part of it and never ends it.
extension Certificate {
  public var commonName: String { Self.entries(X509_get_subject_name(pointer), NID_commonName).last ?? "" }
  public var organizations: [String] { Self.entries(X509_get_subject_name(pointer), NID_organizationName) }
  public var issuerCommonName: String { Self.entries(X509_get_issuer_name(pointer), NID_commonName).last ?? "" }

  public var identity: PeerIdentity { Self.identity(pointer) }

  /// The subject alternative names (RFC 5280 section 4.2.1.6) of the three kinds that we use.
  public var alternativeNames: (dns: [String], addresses: [String], uris: [String]) { Self.alternativeNames(pointer) }

  static func identity(_ certificate: OpaquePointer) -> PeerIdentity {
    let subject: OpaquePointer? = X509_get_subject_name(certificate)
    return PeerIdentity(
      commonName: entries(subject, NID_commonName).last ?? "", organizations: entries(subject, NID_organizationName),
      uris: alternativeNames(certificate).uris)
  }

  /// `"NAME", valid from … until …`, for sentences.
  static func life(_ pointer: OpaquePointer?) -> String? {
    guard let pointer else { return nil }
    X509_up_ref(pointer)
    let certificate = Certificate(owning: pointer)
    let name: String = certificate.commonName
    let plain: Bool = name.utf8.count <= 64 && name.utf8.allSatisfy { (32...126).contains($0) }
    return
      "\(plain ? "\"\(name)\"" : "its name is not printable"), valid from \(certificate.notBefore.rfc3339) until \(certificate.notAfter.rfc3339)"
  }

  private static func entries(_ name: OpaquePointer?, _ kind: Int32) -> [String] {
    var values: [String] = []
    var index: Int32 = X509_NAME_get_index_by_NID(name, kind, -1)
    while index >= 0 {
      var text: UnsafeMutablePointer<UInt8>?
      let count: Int32 = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)))
      if count >= 0 {
        values.append(String(decoding: UnsafeBufferPointer(start: text, count: Int(count)), as: UTF8.self))
        CRYPTO_free(text, #fileID, #line)
      }
      index = X509_NAME_get_index_by_NID(name, kind, index)
    }
    return values
  }

  private static func alternativeNames(_ certificate: OpaquePointer) -> (dns: [String], addresses: [String], uris: [String]) {
    var names: (dns: [String], addresses: [String], uris: [String]) = ([], [], [])
    guard let raw: UnsafeMutableRawPointer = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return names }
    let list = OpaquePointer(raw)
    defer { GENERAL_NAMES_free(list) }
    for index in 0..<OPENSSL_sk_num(list) {
      guard let raw: UnsafeMutableRawPointer = OPENSSL_sk_value(list, index) else { continue }
      let name: UnsafeMutablePointer<GENERAL_NAME> = raw.assumingMemoryBound(to: GENERAL_NAME.self)
      var kind: Int32 = 0
      guard let value: UnsafeMutableRawPointer = GENERAL_NAME_get0_value(name, &kind),
        kind == GEN_DNS || kind == GEN_URI || kind == GEN_IPADD
      else { continue }
      let string: UnsafePointer<ASN1_STRING> = UnsafePointer(value.assumingMemoryBound(to: ASN1_STRING.self))
      let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
      switch kind {
      case GEN_DNS: names.dns.append(String(decoding: bytes, as: UTF8.self))
      case GEN_URI: names.uris.append(String(decoding: bytes, as: UTF8.self))
      default: names.addresses.append(IPText.text(Bytes(bytes)))
      }
    }
    return names
  }
}

/// IP addresses as certificates carry them: 4 or 16 bytes in network order.
enum IPText {
  static func text(_ bytes: Bytes) -> String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard bytes.count == 4 || bytes.count == 16,
      inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil
    else { return Hexadecimal.encode(bytes) }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  static func bytes(_ text: String) -> Bytes? {
    var four = Bytes(repeating: 0, count: 4)
    if inet_pton(AF_INET, text, &four) == 1 { return four }
    var sixteen = Bytes(repeating: 0, count: 16)
    return inet_pton(AF_INET6, text, &sixteen) == 1 ? sixteen : nil
  }
}
