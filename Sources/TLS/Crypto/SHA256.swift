import COpenSSL
import NIOCore
import Primitives

/// SHA-256 (FIPS 180-4) in libcrypto.
public enum SHA256 {
  public static let length: Int = 32

  public static func digest(_ bytes: UnsafeRawBufferPointer) -> Bytes {
    var digest = Bytes(repeating: 0, count: length)
    let done: Int32 = digest.withUnsafeMutableBufferPointer {
      EVP_Digest(bytes.baseAddress, bytes.count, $0.baseAddress, nil, EVP_sha256(), nil)
    }
    precondition(done == 1, "libcrypto cannot compute SHA-256: \(OpenSSLErrors.drain())")
    return digest
  }

  public static func digest(_ bytes: Bytes) -> Bytes { bytes.withUnsafeBytes { digest($0) } }
  public static func digest(_ text: String) -> Bytes { digest(Bytes(text)) }
  /// Of the readable bytes.
  public static func digest(_ buffer: ByteBuffer) -> Bytes { buffer.withUnsafeReadableBytes { digest($0) } }
  /// In lower-case hexadecimal.
  public static func hexadecimal(_ bytes: Bytes) -> String { Hexadecimal.encode(digest(bytes)) }
}

/// HMAC with SHA-256 (RFC 2104).
public enum HMACSHA256 {
  public static func authenticate(_ message: Bytes, key: Bytes) -> Bytes {
    var code = Bytes(repeating: 0, count: SHA256.length)
    var length: UInt32 = 0
    // An empty Swift array may have no address, and HMAC() takes a null key for "the one before".
    let padded: Bytes = key.isEmpty ? [0] : key
    let done: Bool = code.withUnsafeMutableBufferPointer { code in
      HMAC(EVP_sha256(), padded, Int32(padded.count), message, message.count, code.baseAddress, &length) != nil
    }
    precondition(done && Int(length) == SHA256.length, "libcrypto cannot compute HMAC-SHA-256: \(OpenSSLErrors.drain())")
    return code
  }

  /// In constant time.
  public static func isValid(_ code: Bytes, for message: Bytes, key: Bytes) -> Bool {
    ConstantTime.equal(code, authenticate(message, key: key))
  }
}

public enum ConstantTime {
  /// Equal, in a time that depends on the lengths alone: for codes, tokens and passwords.
  public static func equal(_ left: Bytes, _ right: Bytes) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}

/// SHA-256 of what arrives in pieces. Used by one task at a time.
public final class SHA256Stream {
  private let context: OpaquePointer

  public init() {
    guard let context: OpaquePointer = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      preconditionFailure("libcrypto cannot compute SHA-256: \(OpenSSLErrors.drain())")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  public func update(_ bytes: Bytes) {
    precondition(EVP_DigestUpdate(context, bytes, bytes.count) == 1, "libcrypto cannot compute SHA-256: \(OpenSSLErrors.drain())")
  }

  /// Once; nothing may follow.
  public func finish() -> Bytes {
    var digest = Bytes(repeating: 0, count: SHA256.length)
    precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "libcrypto cannot compute SHA-256: \(OpenSSLErrors.drain())")
    return digest
  }
}
