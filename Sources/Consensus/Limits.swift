/// Everything in this module that can grow has its bound here.
public enum ConsensusLimits {
  /// Members of one group, voters and learners together.
  public static let maxMembers: Int = 31
  /// Bytes of one entry's payload. etcd's default request limit is 1.5 MiB; four times that leaves room for headers.
  public static let maxEntryPayload: Int = 6 << 20
  /// Bytes that a shell may attach to a membership change.
  public static let maxAttachment: Int = 64 << 10
  /// Entries in one append message, whatever their size.
  public static let maxEntriesPerMessage: Int = 4096
  /// Payloads in one forwarded proposal.
  public static let maxForwardedPayloads: Int = 4096
  /// Bytes of one encoded message: what a link must be ready to carry.
  public static let maxMessageBytes: Int = 16 << 20
  /// Linearizable reads that wait for a quorum, on the leader or forwarded by a follower.
  public static let maxPendingReads: Int = 65_536
  /// Quorum rounds for reads in flight at once; further reads join the next round.
  public static let maxReadRoundsInFlight: Int = 16
  /// Committed entries handed out and not yet reported as applied.
  public static let maxUnappliedEntries: UInt64 = 65_536
  /// Bytes of committed entries in one output (one entry more if that alone is larger).
  public static let maxCommittedBytesPerOutput: Int = 4 << 20
  /// Forwarded proposals per member remembered against a link that doubles messages.
  public static let rememberedForwards: Int = 1024
  /// A member this many entries behind the end of the log is near enough to be handed the leadership.
  public static let transferLag: UInt64 = 256

  static func assertRelationships() {
    precondition(maxEntryPayload * 2 < maxMessageBytes, "a message must hold the largest entry beside others")
    precondition(maxReadRoundsInFlight < maxPendingReads, "rounds in flight \(maxReadRoundsInFlight) must be fewer than reads")
  }
}
