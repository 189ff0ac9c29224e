/// Deliberate bugs. A checker that never caught one proves nothing, so the simulation plants these and must find each.
/// Compiled out of release builds.
public struct RaftDefects: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Acknowledges entries and votes before they are durable.
  public static let acknowledgesBeforePersisting = Self(rawValue: 1)
  /// Votes for every candidate of a term, not for one.
  public static let votesTwice = Self(rawValue: 2)
  /// Counts replicas of entries of older terms (the mistake of the Raft paper's figure 8).
  public static let commitsOldTermsByCounting = Self(rawValue: 4)
  /// Answers linearizable reads without asking a majority.
  public static let readsWithoutQuorum = Self(rawValue: 8)
  /// Votes for candidates whose log lacks what the voter's has.
  public static let votesForShorterLogs = Self(rawValue: 16)
  /// Cuts the log after every append message, also one that arrives late and holds less.
  public static let cutsLogOnLateAppends = Self(rawValue: 32)
  /// Commits with one acknowledgement fewer than a majority.
  public static let commitsBelowMajority = Self(rawValue: 64)
  /// Answers linearizable reads before an entry of the leader's own term is committed.
  public static let readsBeforeOwnTermCommits = Self(rawValue: 128)
  /// In a joint configuration the majority of the new one alone decides.
  public static let leavesJointTooSoon = Self(rawValue: 256)
  /// Votes although its damaged log may lack what it acknowledged.
  public static let votesWhileRepairing = Self(rawValue: 512)
}
