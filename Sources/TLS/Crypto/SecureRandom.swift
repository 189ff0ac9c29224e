import COpenSSL
import Primitives

/// libcrypto's random generator: for keys, serial numbers, tokens and UIDs. Simulations use `SeededRandom`.
public struct SecureRandom: RandomNumberGenerator, Sendable {
  public init() {}

  public mutating func next() -> UInt64 { Self.bytes(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }

  public static func bytes(_ count: Int) -> Bytes {
    var bytes = Bytes(repeating: 0, count: count)
    let done: Int32 = RAND_bytes(&bytes, Int32(count))
    precondition(done == 1, "libcrypto's random generator gives nothing: \(OpenSSLErrors.drain())")
    return bytes
  }

  /// A version 4 UUID (RFC 9562 section 5.4) in lower case: what Kubernetes uses for UIDs.
  public static func uuid() -> String {
    var bytes: Bytes = bytes(16)
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits: Bytes = Bytes(Hexadecimal.encode(bytes))
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { digits[$0].text }.joined(separator: "-")
  }
}

extension ArraySlice where Element == UInt8 {
  fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
