import Primitives

/// What must survive a crash besides the log (Raft paper, figure 2, "persistent state"). `commit` is a hint that saves time
/// after a restart: losing it is harmless, so it alone never asks for a sync.
public struct HardState: Hashable, Sendable {
  public var term: UInt64
  public var vote: MemberID?
  public var commit: UInt64

  public init(term: UInt64 = 0, vote: MemberID? = nil, commit: UInt64 = 0) {
    self.term = term
    self.vote = vote
    self.commit = commit
  }
}

/// What a snapshot of the state machine stands for: everything up to and including `index`.
public struct SnapshotMetadata: Hashable, Sendable {
  public var index: UInt64
  /// Term of the entry at `index`.
  public var term: UInt64
  /// The membership in force at `index`.
  public var membership: Membership

  public init(index: UInt64, term: UInt64, membership: Membership) {
    self.index = index
    self.term = term
    self.membership = membership
  }
}

/// What the shell read back from disk.
public struct RestoredState: Sendable {
  public var hardState: HardState
  /// The newest snapshot that is whole; nil on a member that never took or received one.
  public var snapshot: SnapshotMetadata?
  /// Every entry that the journal holds, in order, without gaps. Entries at or below the snapshot's index are ignored.
  public var entries: [Entry]
  /// Part of the log was lost to damage (term and vote were not): see `RaftNode.isRepairing`.
  public var isRepairing: Bool = false

  /// A member that was never started before.
  public static let fresh = Self()

  public init(hardState: HardState = HardState(), snapshot: SnapshotMetadata? = nil, entries: [Entry] = []) {
    self.hardState = hardState
    self.snapshot = snapshot
    self.entries = entries
  }
}
