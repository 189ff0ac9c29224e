/// What one member lets grow.
public enum StoreLimits {
  /// Proposals not yet answered; further ones are told `.tooManyRequests`.
  public static let pendingProposals: Int = 20_000
  /// Linearizable reads not yet answered.
  public static let pendingReads: Int = 50_000
  /// Calls to the leader (keep-alives) not yet answered.
  static let pendingCalls: Int = 50_000
  /// Payloads and bytes handed to consensus in one proposal (its own limits: 4,096 and 8 MiB).
  static let proposalPayloads: Int = 1024
  static let proposalBytes: Int = 2 << 20
  /// Chunks of a snapshot under way to one member before one is acknowledged: with chunks of 256 KiB, 2 MiB.
  static let snapshotWindow: Int = 8
  /// A snapshot that makes no progress for this long is given up and offered again.
  static let snapshotPatience: Duration = .seconds(10)
  /// A snapshot whose connection broke can be gone on with for so long: the sender keeps a copy of the keyspace, the receiver a file.
  static let snapshotResumption: Duration = .seconds(60)
  /// Consensus on the leader hears so often that a snapshot still travels; it gives up after 30 s (`RaftTiming.snapshotTicks`).
  static let snapshotReports: Duration = .seconds(1)
  /// Ticks of history from which lag in bytes and seconds is read: 100 s at 25 ms.
  static let lagSamples: Int = 4096
  /// Changes of members not yet answered.
  static let pendingChanges: Int = 64
  static let urlsPerMember: Int = 8
  /// Prefixes with a durability of their own.
  static let durabilityRules: Int = 256
  /// A voter not heard for so long is not there when members are to be changed.
  static let presence: Duration = .seconds(1)
  /// A center that came back in part waits so long for the rest before those who are there vote.
  static let regrowCompletion: Duration = .seconds(60)
  /// A member that was removed is reachable for so long, to hear of it.
  static let departurePatience: Duration = .seconds(10)
  /// Beginnings of keys that writes are counted by when a majority is lost; the rest is counted together.
  static let countedPrefixes: Int = 256
  /// Terms of the log's end that a recovery remembers for members that come back.
  static let rememberedTerms: Int = 64
  /// Notes of when which entry was written, one a second: the newest so many.
  static let timeNotes: Int = 8192
  /// Carrying out one command of a recovery on a member.
  static let recoveryPatience: Duration = .seconds(60)
  /// A member that was to get entries by a neighbour and has not so many ticks after that neighbour has them is sent to directly.
  static let relayPatienceTicks: Int = 10
  /// A neighbour not heard for so many ticks relays nothing: half of the time after which followers look for another leader.
  static let relaySilenceTicks: UInt64 = 8
  /// Whoever did not deliver is not asked to relay for so long.
  static let relayAvoidance: Duration = .seconds(5)
  /// A member whose log was damaged asks the leader again so often.
  static let repairPatience: Duration = .seconds(1)
  /// After a snapshot found no space, the next one is not tried before.
  static let snapshotRetry: Duration = .seconds(10)
  /// A member whose values could not be read back is made anew so often within an hour; then it stops.
  static let rereads: Int = 3
  /// From so many bytes on a keyspace is written as a snapshot only after a quarter of it has changed (`takeSnapshotIfDue`), or so much
  /// log has gathered, which also lies in memory.
  static let largeKeyspace: Int = 4 << 20
  static let logBytesBeforeSnapshot: Int = 128 << 20
  /// Observers of leadership.
  static let observers: Int = 64

  static func assertRelationships() {
    precondition(snapshotReports * 2 < snapshotPatience, "a leader must hear of a snapshot before it gives it up")
    precondition(proposalPayloads <= 4096 && proposalBytes <= 8 << 20, "a proposal must fit what consensus takes")
  }
}
