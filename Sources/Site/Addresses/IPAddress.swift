import Glibc

/// An IPv4 or IPv6 address. IPv4 takes the low 32 bits.
public struct IPAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  public enum Family: UInt8, Sendable { case v4 = 32, v6 = 128 }
  public let family: Family
  public let bits: UInt128

  public init(family: Family, bits: UInt128) {
    self.family = family
    self.bits = family == .v4 ? bits & 0xFFFF_FFFF : bits
  }

  /// Dotted decimal with four parts (no leading zeros that could mean octal), or RFC 4291 text; nil for anything else.
  public init?(_ text: String) {
    if text.contains(":") {
      var raw = in6_addr()
      guard inet_pton(AF_INET6, text, &raw) == 1 else { return nil }
      let bits: UInt128 = withUnsafeBytes(of: &raw) { $0.reduce(UInt128(0)) { $0 << 8 | UInt128($1) } }
      self.init(family: .v6, bits: bits)
    } else {
      var raw = in_addr()
      guard inet_pton(AF_INET, text, &raw) == 1 else { return nil }
      self.init(family: .v4, bits: UInt128(UInt32(bigEndian: raw.s_addr)))
    }
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.family.rawValue, left.bits) < (right.family.rawValue, right.bits)
  }

  public var description: String {
    if family == .v4 {
      return [24, 16, 8, 0].map { String(UInt8(truncatingIfNeeded: bits >> $0)) }.joined(separator: ".")
    }
    var raw = in6_addr()
    withUnsafeMutableBytes(of: &raw) { buffer in
      for index in 0..<16 { buffer[index] = UInt8(truncatingIfNeeded: bits >> (120 - 8 * index)) }
    }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(AF_INET6, &raw, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  public func advanced(by offset: Int) -> IPAddress { IPAddress(family: family, bits: UInt128(Int128(bits) + Int128(offset))) }
}
