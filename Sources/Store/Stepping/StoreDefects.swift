/// Deliberate bugs of the shell, beside `RaftDefects`: what no checker of the simulation ever caught, none is known to catch. Without
/// effect in release builds.
public struct StoreDefects: OptionSet, Sendable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// A `citySafe` write is acknowledged when a majority has it.
  public static let acknowledgesBeforeTheCity = Self(rawValue: 1)
  /// An `auto` write is acknowledged when its patience is over, whether the barrier is in the log or not.
  public static let skipsTheBarrier = Self(rawValue: 2)
  /// A member that was added gets its vote at once, however far behind it is.
  public static let promotesLaggards = Self(rawValue: 4)
  /// Leases that ran out are revoked without asking a majority who leads, and in any term.
  public static let revokesAsAnyone = Self(rawValue: 8)
  /// What is left of leases is never written down.
  public static let losesCheckpoints = Self(rawValue: 16)
  /// A keep-alive is answered although a checkpoint says that less is left.
  public static let answersBeforeClearing = Self(rawValue: 32)
  /// A proposal is made again as soon as the leader changes.
  public static let proposesAgainTooSoon = Self(rawValue: 64)
  /// A watch that goes on from a revision begins one later.
  public static let resumesWatchesLate = Self(rawValue: 128)
  /// The last entries of the log are dropped at a start.
  public static let cutsTooMuch = Self(rawValue: 256)
  /// The vote is forgotten at a start.
  public static let forgetsVote = Self(rawValue: 512)
  /// A received snapshot moves the log but not the keyspace.
  public static let forgetsSnapshotContents = Self(rawValue: 1024)
  /// A member that returns to a cluster that went on without it keeps the log of the old one.
  public static let rejoinsWithItsLog = Self(rawValue: 2048)
}

extension MemberCore {
  func has(_ defect: StoreDefects) -> Bool {
    #if DEBUG
      defects.contains(defect)
    #else
      false
    #endif
  }
}
