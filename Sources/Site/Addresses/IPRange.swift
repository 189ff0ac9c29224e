/// A CIDR block with no bits set behind its prefix.
public struct IPRange: Hashable, Sendable, CustomStringConvertible {
  public let network: IPAddress
  public let prefixLength: Int

  public init(network: IPAddress, prefixLength: Int) {
    self.network = IPAddress(
      family: network.family, bits: network.bits & Self.mask(family: network.family, prefixLength: prefixLength))
    self.prefixLength = prefixLength
  }

  /// `10.1.0.0/16`. A reason for people when it is not a range.
  public static func parse(_ text: String) -> Result<IPRange, ParseFailure> {
    let parts: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(String(parts[0])) else {
      return .failure(ParseFailure("\"\(text)\" is not a range: write an address and a prefix length, such as 10.1.0.0/16"))
    }
    let width: Int = Int(address.family.rawValue)
    guard let length = Int(parts[1]), (0...width).contains(length), String(length) == parts[1] else {
      return .failure(ParseFailure("\"\(text)\" has no prefix length between 0 and \(width)"))
    }
    let range = IPRange(network: address, prefixLength: length)
    guard range.network == address else {
      return .failure(ParseFailure("\"\(text)\" has bits set behind its prefix; the range that holds it is \(range)"))
    }
    return .success(range)
  }

  public struct ParseFailure: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
  }

  static func mask(family: IPAddress.Family, prefixLength: Int) -> UInt128 {
    let width: Int = Int(family.rawValue)
    let all: UInt128 = family == .v4 ? 0xFFFF_FFFF : .max
    return prefixLength == 0 ? 0 : all & (all << UInt128(width - prefixLength))
  }

  public func contains(_ address: IPAddress) -> Bool {
    address.family == network.family
      && address.bits & Self.mask(family: network.family, prefixLength: prefixLength) == network.bits
  }
  public func contains(_ other: IPRange) -> Bool { prefixLength <= other.prefixLength && contains(other.network) }
  public func overlaps(_ other: IPRange) -> Bool { contains(other.network) || other.contains(network) }
  public var first: IPAddress { network }
  public var last: IPAddress {
    IPAddress(family: network.family, bits: network.bits | ~Self.mask(family: network.family, prefixLength: prefixLength))
  }
  /// Number of addresses, saturating.
  public var size: UInt128 {
    let free: Int = Int(network.family.rawValue) - prefixLength
    return free >= 128 ? .max : 1 << UInt128(free)
  }
  public var description: String { "\(network)/\(prefixLength)" }
}
