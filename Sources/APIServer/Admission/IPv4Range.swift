/// A range of IPv4 addresses in CIDR notation (RFC 4632).
public struct IPv4Range: Hashable, Sendable, CustomStringConvertible {
  public let first: UInt32
  public let prefixLength: Int

  /// Nil unless `ADDRESS/LENGTH` with no bits set behind the length.
  public init?(_ text: String) {
    let halves: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2, let address: UInt32 = Self.address(String(halves[0])), let length = Int(halves[1]), (0...32).contains(length)
    else { return nil }
    let mask: UInt32 = length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length)
    guard address & ~mask == 0 else { return nil }
    first = address
    prefixLength = length
  }

  public var count: UInt64 { 1 << UInt64(32 - prefixLength) }
  public var last: UInt32 { first + UInt32(count - 1) }
  public func contains(_ address: UInt32) -> Bool { address >= first && address <= last }
  public func overlaps(_ other: IPv4Range) -> Bool { first <= other.last && other.first <= last }
  public var description: String { "\(Self.text(first))/\(prefixLength)" }

  /// Four decimal numbers without leading zeros; nil for anything else.
  public static func address(_ text: String) -> UInt32? {
    let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var value: UInt32 = 0
    for part in parts {
      guard part.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt32(part), number < 256, part == String(number) else {
        return nil
      }
      value = value << 8 | number
    }
    return value
  }
  public static func text(_ address: UInt32) -> String {
    "\(address >> 24).\(address >> 16 & 255).\(address >> 8 & 255).\(address & 255)"
  }
}
