import Primitives

/// What members say to each other. A link may lose, delay, double and reorder messages; it must not alter them (SiteLink's
/// TLS sees to that) and must not hand them to another member than `to`.
public struct RaftMessage: Hashable, Sendable {
  public var from: MemberID
  public var to: MemberID
  /// The sender's term; for a pre-vote and its grant, the term that the election would be for.
  public var term: UInt64
  public var body: Body

  public init(from: MemberID, to: MemberID, term: UInt64, body: Body) {
    self.from = from
    self.to = to
    self.term = term
    self.body = body
  }

  public enum Body: Hashable, Sendable {
    /// "Would you vote for me?" Changes nothing at the receiver (Ongaro's thesis §9.6).
    case preVote(last: LogPosition)
    case preVoteReply(granted: Bool)
    /// `transfer`: the old leader asked for this election, so voters need not protect it.
    case vote(last: LogPosition, transfer: Bool)
    case voteReply(granted: Bool)
    /// Entries that follow `previous`. May be empty: then it asks whether `previous` is there.
    case append(previous: LogPosition, commit: UInt64, entries: [Entry])
    /// Everything up to `index` is as on the leader, and durable.
    case appendAccepted(index: UInt64)
    /// The receiver has no such `previous`; its log may agree with the leader's up to `hint`.
    case appendRejected(previous: UInt64, hint: LogPosition)
    /// `round`: the newest round of the leader's linearizable reads.
    case heartbeat(commit: UInt64, round: UInt64)
    case heartbeatReply(round: UInt64)
    /// A heartbeat that wants no answer: what the follower is known to have is committed.
    case commit(index: UInt64)
    /// The follower needs what the leader's log has forgotten. The shell sends the bytes of a snapshot at least this new first and
    /// hands this message (with that snapshot's metadata) to the receiving node only when they are complete on the receiver's
    /// disk. It tells the sending node by `snapshotReported(to:delivered:)` if that failed.
    case snapshot(SnapshotMetadata)
    /// "Campaign now" (leadership transfer, thesis §3.10).
    case timeoutNow
    /// "Hand the leadership to this member", asked of the leader.
    case transferLeadership(to: MemberID)
    /// A proposal made on another member. `id` is unique; a second one with the same id is not appended again.
    case propose(id: UInt64, context: UInt64, kind: Entry.Kind, payloads: [Bytes])
    case proposalDropped(context: UInt64, reason: DropReason)
    /// A linearizable read asked on another member.
    case readIndex(context: UInt64)
    case readIndexReply(context: UInt64, index: UInt64)
  }
}
