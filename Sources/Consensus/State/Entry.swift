import Primitives

/// One place in the replicated log (Raft paper, figure 2).
public struct Entry: Hashable, Sendable {
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// A proposal's payload.
    case data = 0
    /// What a new leader appends first, so that entries of older terms commit (Raft paper §5.4.2, §8).
    case empty = 1
    /// An encoded `Membership`; in force from the moment it is in the log (§6).
    case membership = 2
  }

  /// From 1 on, without gaps.
  public var index: UInt64
  public var term: UInt64
  public var kind: Kind
  public var payload: Bytes

  public init(index: UInt64, term: UInt64, kind: Kind = .data, payload: Bytes = []) {
    self.index = index
    self.term = term
    self.kind = kind
    self.payload = payload
  }

  /// What the entry counts for against byte limits: its payload and about what surrounds it.
  var weight: Int { payload.count + 24 }
}

/// The end of a log, as elections compare it (Raft paper §5.4.1).
public struct LogPosition: Hashable, Comparable, Sendable {
  public var term: UInt64
  public var index: UInt64
  public init(term: UInt64, index: UInt64) {
    self.term = term
    self.index = index
  }
  public static func < (left: Self, right: Self) -> Bool { (left.term, left.index) < (right.term, right.index) }
}
