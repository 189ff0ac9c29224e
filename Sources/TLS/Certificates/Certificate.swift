import COpenSSL
import Glibc
import Primitives

/// An X.509 certificate that nobody changes after it was made.
///
/// `@unchecked Sendable`: the pointer is written once, in `init`. X509 references are counted atomically, and OpenSSL guards the
/// extension cache that verification fills with the certificate's own lock (openssl-threads(7)).
public final class Certificate: @unchecked Sendable {
  let pointer: OpaquePointer

  /// Takes over the caller's reference.
  init(owning pointer: OpaquePointer) { self.pointer = pointer }
  deinit { X509_free(pointer) }

  /// All certificates of a PEM text, in order. Throws `.badEncoding` if there is none or one is broken.
  public static func all(pem: Bytes) throws -> [Certificate] {
    OpenSSLErrors.clear()
    let certificates: [Certificate] = PEM.read(pem) { bio in
      var certificates: [Certificate] = []
      while certificates.count < TLSLimits.certificatesPerFile,
        let pointer: OpaquePointer = PEM_read_bio_X509(bio, nil, { _, _, _, _ in 0 }, nil)
      {
        certificates.append(Certificate(owning: pointer))
      }
      return certificates
    }
    // The reader always ends with an error; at the end of the text that error is "no start line".
    let last: UInt = ERR_peek_last_error()
    guard !certificates.isEmpty, last == 0 || tricenter_error_reason(last) == PEM_R_NO_START_LINE else {
      throw OpenSSLErrors.fault(.badEncoding, "This is not a list of certificates in PEM.")
    }
    OpenSSLErrors.clear()
    return certificates
  }

  public var pem: Bytes { PEM.write { PEM_write_bio_X509($0, pointer) } }

  public var der: Bytes {
    var out: UnsafeMutablePointer<UInt8>?
    let count: Int32 = i2d_X509(pointer, &out)
    precondition(count > 0, "a certificate that was read cannot be encoded: \(OpenSSLErrors.drain())")
    defer { CRYPTO_free(out, #fileID, #line) }
    return Bytes(UnsafeBufferPointer(start: out, count: Int(count)))
  }

  /// SHA-256 over the DER form, in hexadecimal.
  public var fingerprint: String { Hexadecimal.encode(SHA256.digest(der)) }

  public var notBefore: WallTime { Self.time(X509_get0_notBefore(pointer)) }
  public var notAfter: WallTime { Self.time(X509_get0_notAfter(pointer)) }

  private static func time(_ value: UnsafePointer<ASN1_TIME>?) -> WallTime {
    var parts = tm()
    guard let value, ASN1_TIME_to_tm(value, &parts) == 1 else { return WallTime(secondsSince1970: 0) }
    return WallTime(secondsSince1970: Int64(timegm(&parts)))
  }

  public func isValid(at now: WallTime) -> Bool { notBefore <= now && now <= notAfter }

  /// From two thirds of its life on: what is left is a third in which renewal may fail and be repaired.
  public func needsRenewal(at now: WallTime) -> Bool {
    let life: Int64 = notAfter.secondsSince1970 - notBefore.secondsSince1970
    return now.secondsSince1970 >= notBefore.secondsSince1970 + life / 3 * 2
  }

  /// Whether `authority` signed it (its dates and uses are not looked at).
  public func isSigned(by authority: Certificate) -> Bool {
    defer { OpenSSLErrors.clear() }
    return X509_verify(pointer, X509_get0_pubkey(authority.pointer)) == 1
  }

  /// Whether this certificate's key made the signature (`PrivateKey.sign`); its dates and uses are not looked at.
  public func isValid(_ signature: Bytes, for message: Bytes) -> Bool {
    defer { OpenSSLErrors.clear() }
    guard let key: OpaquePointer = X509_get_pubkey(pointer) else { return false }
    return PublicKey(native: NativeKey(owning: key)).isValid(signature, for: message)
  }

  /// Whether the key is this certificate's.
  public func matches(_ key: PrivateKey) -> Bool {
    defer { OpenSSLErrors.clear() }
    return X509_check_private_key(pointer, key.native.pointer) == 1
  }
}

extension WallTime {
  static func <= (left: WallTime, right: WallTime) -> Bool { !(right < left) }
}
