import COpenSSL
import Primitives

/// An EVP_PKEY that nobody changes after it was made.
///
/// `@unchecked Sendable`: the pointer is written once, in `init`. OpenSSL counts its references atomically and allows any number of
/// threads to sign and verify with one key, each with a context of its own (openssl-threads(7)).
final class NativeKey: @unchecked Sendable {
  let pointer: OpaquePointer
  /// Takes over the caller's reference.
  init(owning pointer: OpaquePointer) { self.pointer = pointer }
  deinit { EVP_PKEY_free(pointer) }

  /// Ed25519 hashes by itself (RFC 8032) and must be given no digest; the others are used with SHA-256.
  var digest: OpaquePointer? { EVP_PKEY_get_id(pointer) == EVP_PKEY_ED25519 ? nil : EVP_sha256() }
}

public enum KeyKind: String, Sendable, CaseIterable {
  /// ECDSA on P-256 with SHA-256 (FIPS 186-5): certificates.
  case p256
  /// Ed25519 (RFC 8032): reports and records.
  case ed25519
}

/// A private key. Its description never shows it.
public struct PrivateKey: Sendable, CustomStringConvertible {
  let native: NativeKey

  public static func generate(_ kind: KeyKind) -> PrivateKey {
    let pointer: OpaquePointer? =
      switch kind {
      case .p256: tricenter_generate_p256()
      case .ed25519: tricenter_generate_ed25519()
      }
    guard let pointer else { preconditionFailure("libcrypto cannot make a \(kind) key: \(OpenSSLErrors.drain())") }
    return PrivateKey(native: NativeKey(owning: pointer))
  }

  init(native: NativeKey) { self.native = native }

  /// The Ed25519 key of these 32 bytes (RFC 8032 section 5.1.5), the same one for whoever has them.
  init(ed25519Seed seed: Bytes) {
    precondition(seed.count == 32, "an Ed25519 key is made from 32 bytes, not from \(seed.count)")
    guard let pointer: OpaquePointer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else {
      preconditionFailure("libcrypto cannot make an ed25519 key: \(OpenSSLErrors.drain())")
    }
    native = NativeKey(owning: pointer)
  }

  /// PEM, PKCS#8 or the traditional forms, without a passphrase. Throws `.badEncoding`.
  public init(pem: Bytes) throws {
    OpenSSLErrors.clear()
    // Without a callback of ours OpenSSL would ask for a passphrase on the terminal.
    let pointer: OpaquePointer? = PEM.read(pem) { PEM_read_bio_PrivateKey($0, nil, { _, _, _, _ in 0 }, nil) }
    guard let pointer else {
      throw OpenSSLErrors.fault(.badEncoding, "This is not a private key in PEM without a passphrase.")
    }
    native = NativeKey(owning: pointer)
  }

  /// PKCS#8, unencrypted. For files with mode 0600 and nothing else.
  public var pem: Bytes {
    PEM.write { PEM_write_bio_PKCS8PrivateKey($0, native.pointer, nil, nil, 0, nil, nil) }
  }

  public var publicKey: PublicKey {
    get throws { try PublicKey(pem: PEM.write { PEM_write_bio_PUBKEY($0, native.pointer) }) }
  }

  /// 64 bytes for Ed25519; DER of (r, s) for ECDSA.
  public func sign(_ message: Bytes) throws -> Bytes {
    OpenSSLErrors.clear()
    let context: OpaquePointer? = EVP_MD_CTX_new()
    defer { EVP_MD_CTX_free(context) }
    var length: Int = 0
    guard EVP_DigestSignInit(context, nil, native.digest, nil, native.pointer) == 1,
      EVP_DigestSign(context, nil, &length, message, message.count) == 1
    else { throw OpenSSLErrors.fault(.library, "This key cannot sign.") }
    var signature = Bytes(repeating: 0, count: length)
    guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
      throw OpenSSLErrors.fault(.library, "This key cannot sign.")
    }
    return Bytes(signature[..<length])
  }

  public var description: String { "PrivateKey(hidden)" }
}

public struct PublicKey: Sendable {
  let native: NativeKey

  init(native: NativeKey) { self.native = native }

  /// PEM of a SubjectPublicKeyInfo. Throws `.badEncoding`.
  public init(pem: Bytes) throws {
    OpenSSLErrors.clear()
    let pointer: OpaquePointer? = PEM.read(pem) { PEM_read_bio_PUBKEY($0, nil, nil, nil) }
    guard let pointer else { throw OpenSSLErrors.fault(.badEncoding, "This is not a public key in PEM.") }
    native = NativeKey(owning: pointer)
  }

  public var pem: Bytes { PEM.write { PEM_write_bio_PUBKEY($0, native.pointer) } }

  /// False for a signature that does not fit, whatever is wrong with it.
  public func isValid(_ signature: Bytes, for message: Bytes) -> Bool {
    let context: OpaquePointer? = EVP_MD_CTX_new()
    defer {
      EVP_MD_CTX_free(context)
      OpenSSLErrors.clear()
    }
    guard EVP_DigestVerifyInit(context, nil, native.digest, nil, native.pointer) == 1 else { return false }
    return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }
}
