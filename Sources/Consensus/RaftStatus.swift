import Primitives

/// A member's view of itself and, on the leader, of the others. For people, metrics and tests.
public struct RaftStatus: Sendable {
  public var id: MemberID
  public var role: RaftRole
  public var term: UInt64
  public var vote: MemberID?
  public var leader: MemberID?
  public var commit: UInt64
  /// As last told by `applied(upTo:)`.
  public var applied: UInt64
  public var firstIndex: UInt64
  public var lastIndex: UInt64
  public var lastTerm: UInt64
  /// The last entry known to be on this member's disk.
  public var durableIndex: UInt64
  public var snapshotIndex: UInt64
  public var membership: Membership
  /// Where leadership is being moved to.
  public var transferringTo: MemberID?
  public var uncommittedBytes: Int
  /// On the leader: everyone else, sorted by id.
  public var peers: [PeerStatus]
}

public struct PeerStatus: Hashable, Sendable {
  public enum Replication: String, Sendable { case probing, replicating, snapshot }
  public var id: MemberID
  public var isVoter: Bool
  public var replication: Replication
  /// The last entry known to be on that member's disk.
  public var match: UInt64
  public var next: UInt64
  public var inflightMessages: Int
  public var inflightBytes: Int
  /// Ticks since it was last heard.
  public var silentTicks: UInt64
}
