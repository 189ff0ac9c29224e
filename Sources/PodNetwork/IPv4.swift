/// An IPv4 address as a number in host order.
public struct IPv4Address: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: UInt32
  public init(_ value: UInt32) { self.value = value }

  /// Four decimal parts without leading zeros (RFC 6943 section 3.1.1: nothing else is unambiguous); nil otherwise.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
        part.utf8.count == 1 || part.utf8.first != 48, let byte = UInt8(part)
      else { return nil }
      value = value << 8 | UInt32(byte)
    }
    self.value = value
  }

  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  public var description: String { "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)" }
}

/// A range of IPv4 addresses, `10.244.1.0/24`.
public struct IPv4Network: Hashable, Sendable, CustomStringConvertible {
  public let base: IPv4Address
  /// 0 to 32.
  public let prefixLength: Int

  /// Nil unless the text is an address, a slash and a length, with no bit set past the length. A bare address is a /32,
  /// `default` is 0.0.0.0/0: so `ip` prints them.
  public init?(_ text: some StringProtocol) {
    if text == "default" {
      base = IPv4Address(0)
      prefixLength = 0
      return
    }
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPv4Address(first) else { return nil }
    var length: Int = 32
    if parts.count == 2 {
      guard let given = Int(parts[1]), (0...32).contains(given) else { return nil }
      length = given
    }
    guard address.value & ~Self.mask(length) == 0 else { return nil }
    base = address
    prefixLength = length
  }

  private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }

  public func contains(_ address: IPv4Address) -> Bool { address.value & Self.mask(prefixLength) == base.value }
  /// The first usable address: what the bridge plugin gives the bridge (`isGateway`).
  public var gateway: IPv4Address { IPv4Address(base.value + 1) }
  /// Addresses that pods can have: without the network's, the gateway's and the broadcast's.
  public var usableAddresses: Int { max(0, (1 << (32 - prefixLength)) - 3) }
  public var description: String { "\(base)/\(prefixLength)" }
}
