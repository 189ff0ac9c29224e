import Primitives

/// What the shell has to do after one or more calls of `step`, `tick`, `propose`, … The ordering contract:
///
/// 1. If `snapshot` is set, replace the state machine by that snapshot's contents (they arrived with the message) and make the
///    journal start behind it; then, if `entries` is not empty, write them: they replace everything that the journal holds
///    from `entries[0].index` on. Write `hardState` if set.
/// 2. `messages` may be sent at once, while the disk still works. **Persist before send is kept by the node itself:** a vote, an
///    acknowledgement of entries, anything that promises what must survive a crash stays inside until
///    `persisted(sequence)` says that this output and all before it are durable; it then appears in a later output. The
///    leader's own entries travel to its followers meanwhile, and its own disk counts for the majority only after `persisted`.
/// 3. Apply `committed` in order, then serve `reads`: each of them may see the state that is now applied. Tell `applied(upTo:)`.
///
/// Outputs are carried out in the order in which they were taken. The journal may merge several into one sync.
public struct RaftOutput: Sendable {
  /// Grows by one with every output that has something to make durable, and is handed to `persisted(_:)` when that is done.
  /// 0: nothing here needs a sync (a `hardState` that comes with 0 has only a newer commit index: write it when convenient).
  public var sequence: UInt64 = 0
  public var hardState: HardState?
  public var snapshot: SnapshotMetadata?
  public var entries: [Entry] = []
  /// In no particular order. They may be lost, late, doubled and reordered; they must not be altered.
  /// A `.snapshot` message travels after the snapshot's bytes: see `RaftMessage.Body.snapshot`.
  public var messages: [RaftMessage] = []
  /// Entries that a majority has, in log order, each exactly once in the life of this node. Kind `.data` is for the state machine;
  /// the others only move its index.
  public var committed: [Entry] = []
  /// Contexts of `readIndex` calls on this member that may be served now.
  public var reads: [ReadState] = []
  /// Contexts of `readIndex` calls on this member that will not be answered: the leader changed or was silent. Ask again.
  public var droppedReads: [UInt64] = []
  /// Proposals forwarded from this member that the leader did not take. Nothing of them is in the log.
  public var droppedProposals: [DroppedProposal] = []
  /// Set when leader, role or term are other than in the output before.
  public var leadership: Leadership?
  /// Set once, when the member saw a state that the protocol excludes. It does nothing more; stop it and look at its disk.
  public var fault: ConsensusError?

  public var isEmpty: Bool {
    sequence == 0 && hardState == nil && messages.isEmpty && committed.isEmpty && reads.isEmpty && droppedReads.isEmpty
      && droppedProposals.isEmpty && leadership == nil && fault == nil
  }
}

public struct ReadState: Hashable, Sendable {
  public var context: UInt64
  /// The commit index that the leader had when it was asked.
  public var index: UInt64
}

public struct Leadership: Hashable, Sendable {
  public var role: RaftRole
  public var term: UInt64
  public var leader: MemberID?
}

public enum RaftRole: String, Sendable { case follower, preCandidate, candidate, leader }

/// What became of a call of `propose`.
public enum ProposalResult: Hashable, Sendable {
  /// In this leader's log from `index` on, one entry per payload. Committed if and only if an entry with this index *and* term is handed
  /// out.
  case appended(index: UInt64, term: UInt64)
  /// On its way to the leader. It may get lost; it appears in `committed` here as everywhere, or in `droppedProposals`, or never.
  case forwarded(to: MemberID)
  /// Nothing was done.
  case dropped(DropReason)
}

public enum DropReason: UInt8, Hashable, Sendable, CaseIterable {
  case noLeader = 0
  /// The leadership is being handed over; try again in a moment.
  case transferring = 1
  /// Too many bytes wait for a majority.
  case tooMuchUncommitted = 2
  case tooLarge = 3
  /// The leader that it was sent to is none any more, or is one of another term.
  case leaderChanged = 4
  /// One membership change at a time, and none before the leader has committed an entry of its own term.
  case membershipChangePending = 5
  case invalidMembership = 6
  /// The member halted.
  case halted = 7
}

public struct DroppedProposal: Hashable, Sendable {
  public var context: UInt64
  public var reason: DropReason
}
