/// A store member's id: stable for its life, never zero. Shown in hexadecimal as etcd does.
public struct MemberID: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let value: UInt64
  public init(_ value: UInt64) { self.value = value }
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  public var description: String { String(value, radix: 16) }
}

/// A center's name as the site file gives it, unique in the federation.
public struct CenterName: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  public let value: String
  public init(_ value: String) { self.value = value }
  public init(stringLiteral value: String) { self.value = value }
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  public var description: String { value }
}

/// A host's name as the site file gives it, unique in the federation; also the name of its Node and its store member.
public struct HostName: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  public let value: String
  public init(_ value: String) { self.value = value }
  public init(stringLiteral value: String) { self.value = value }
  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  public var description: String { value }
}

/// What a center is for.
public enum CenterRole: String, Sendable, CaseIterable {
  case production
  case localDR = "local-dr"
  case remoteDR = "remote-dr"
}
