/// What kind of address space a range lies in, and whether hosts, pods or services may be given addresses from it.
///
/// Sources: RFC 791 §3.2 (classes A, B, C), RFC 1112 §4 (D, E), the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890
/// as updated up to RFC 9780) and RFC 1918, 4193.
public enum AddressCategory: String, Sendable, CaseIterable {
  case classA = "class A"
  case classB = "class B"
  case classC = "class C"
  case classD = "class D (multicast)"
  case classE = "class E (reserved)"
  case defaultRoute = "default route"
  case loopback
  case privateUse = "private use"
  case linkLocal = "link-local"
  case multicast
  case specialPurpose = "special purpose"
  /// IPv6 global unicast, which has no classes.
  case globalUnicast = "global unicast"

  /// Ordinary address space that a deployment may number its hosts, pods and services from.
  public var isAssignable: Bool {
    switch self {
    case .classA, .classB, .classC, .privateUse, .globalUnicast: true
    case .classD, .classE, .defaultRoute, .loopback, .linkLocal, .multicast, .specialPurpose: false
    }
  }
}

public struct SpecialBlock: Sendable {
  public let range: IPRange
  public let category: AddressCategory
  /// The registry's name of the block and the document that reserves it.
  public let name: String
}

extension SpecialBlock {
  private static func block(_ range: String, _ category: AddressCategory, _ name: String) -> SpecialBlock {
    guard case .success(let parsed) = IPRange.parse(range) else { preconditionFailure("special-purpose table holds \(range)") }
    return SpecialBlock(range: parsed, category: category, name: name)
  }

  /// Narrower blocks stand before the wider ones that hold them.
  public static let all: [SpecialBlock] = [
    block("0.0.0.0/32", .defaultRoute, "this host on this network (RFC 1122)"),
    block("0.0.0.0/8", .defaultRoute, "this network (RFC 791), where the default route lies"),
    block("10.0.0.0/8", .privateUse, "private use (RFC 1918)"),
    block("100.64.0.0/10", .specialPurpose, "shared address space of carrier-grade NAT (RFC 6598)"),
    block("127.0.0.0/8", .loopback, "loopback (RFC 1122)"),
    block("169.254.0.0/16", .linkLocal, "link-local (RFC 3927)"),
    block("172.16.0.0/12", .privateUse, "private use (RFC 1918)"),
    block("192.0.0.0/29", .specialPurpose, "IPv4 service continuity prefix (RFC 7335)"),
    block("192.0.0.0/24", .specialPurpose, "IETF protocol assignments (RFC 6890)"),
    block("192.0.2.0/24", .specialPurpose, "documentation, TEST-NET-1 (RFC 5737)"),
    block("192.31.196.0/24", .specialPurpose, "AS112-v4 (RFC 7535)"),
    block("192.52.193.0/24", .specialPurpose, "AMT (RFC 7450)"),
    block("192.88.99.0/24", .specialPurpose, "deprecated 6to4 relay anycast (RFC 7526)"),
    block("192.168.0.0/16", .privateUse, "private use (RFC 1918)"),
    block("192.175.48.0/24", .specialPurpose, "direct delegation AS112 service (RFC 7534)"),
    block("198.18.0.0/15", .specialPurpose, "benchmarking (RFC 2544)"),
    block("198.51.100.0/24", .specialPurpose, "documentation, TEST-NET-2 (RFC 5737)"),
    block("203.0.113.0/24", .specialPurpose, "documentation, TEST-NET-3 (RFC 5737)"),
    block("224.0.0.0/4", .classD, "class D, multicast (RFC 1112)"),
    block("255.255.255.255/32", .specialPurpose, "limited broadcast (RFC 919)"),
    block("240.0.0.0/4", .classE, "class E, reserved (RFC 1112)"),
    block("::/128", .defaultRoute, "unspecified address (RFC 4291)"),
    block("::1/128", .loopback, "loopback (RFC 4291)"),
    block("::ffff:0:0/96", .specialPurpose, "IPv4-mapped (RFC 4291)"),
    block("64:ff9b::/96", .specialPurpose, "IPv4-IPv6 translation (RFC 6052)"),
    block("64:ff9b:1::/48", .specialPurpose, "local-use IPv4/IPv6 translation (RFC 8215)"),
    block("100::/64", .specialPurpose, "discard only (RFC 6666)"),
    block("100:0:0:1::/64", .specialPurpose, "dummy prefix (RFC 9780)"),
    block("2001::/23", .specialPurpose, "IETF protocol assignments, Teredo, ORCHID and others (RFC 2928)"),
    block("2001:db8::/32", .specialPurpose, "documentation (RFC 3849)"),
    block("2002::/16", .specialPurpose, "6to4 (RFC 3056)"),
    block("2620:4f:8000::/48", .specialPurpose, "direct delegation AS112 service (RFC 7534)"),
    block("3fff::/20", .specialPurpose, "documentation (RFC 9637)"),
    block("5f00::/16", .specialPurpose, "segment routing SIDs (RFC 9602)"),
    block("fc00::/7", .privateUse, "unique local (RFC 4193)"),
    block("fe80::/10", .linkLocal, "link-local unicast (RFC 4291)"),
    block("ff00::/8", .multicast, "multicast (RFC 4291)"),
  ]
}

extension IPRange {
  /// The category, and the special block that decides it if there is one. A range that overlaps a block that may not be
  /// assigned belongs to that block, however small the overlap.
  public var classified: (category: AddressCategory, block: SpecialBlock?) {
    if prefixLength == 0 { return (.defaultRoute, nil) }
    let touching: [SpecialBlock] = SpecialBlock.all.filter { $0.range.overlaps(self) }
    if let refused: SpecialBlock = touching.first(where: { !$0.category.isAssignable }) { return (refused.category, refused) }
    if let holding: SpecialBlock = touching.first(where: { $0.range.contains(self) }) { return (holding.category, holding) }
    guard network.family == .v4 else { return (.globalUnicast, nil) }
    switch network.bits >> 28 {
    case 0..<8: return (.classA, nil)
    case 8..<12: return (.classB, nil)
    default: return (.classC, nil)
    }
  }
}
