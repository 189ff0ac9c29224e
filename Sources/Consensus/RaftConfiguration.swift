import Primitives

/// All durations of the protocol, in ticks. The shell decides how long a tick is and calls `tick()` that often.
///
/// The defaults are meant for a tick of 25 ms and centers 2 ms and 30 ms apart: heartbeats every 50 ms; a follower that hears
/// nothing for 350 to 425 ms (one priority below the leader's center: 400 to 475 ms) asks the others; with two messages there and back to
/// the far city (60 ms) a new leader is there some 0.5 s after the old one was killed. A leader that hears no majority for 300 ms steps
/// down. Heartbeats wait for no disk, so a disk that stalls is no silence.
public struct RaftTiming: Hashable, Sendable {
  /// Leader to followers. At least 1.
  public var heartbeatTicks: Int = 2
  /// A voter that heard its leader within this time helps nobody else to the leadership, and a leader that heard no majority for
  /// this long steps down. At least three heartbeats, and more than the longest round trip plus a heartbeat.
  public var electionTicks: Int = 12
  /// Added to `electionTicks` before a member asks for votes: a fixed part, so that voters farther away have noticed, too …
  public var electionMarginTicks: Int = 2
  /// … and a random part below this.
  public var electionJitterTicks: Int = 4
  /// Added once for every distinct priority above the member's own.
  public var priorityTicks: Int = 2
  /// A better placed voter must have been reachable and caught up this long before the leader hands over to it.
  public var handoverTicks: Int = 64
  /// No second attempt to hand over within this time after one failed.
  public var handoverRetryTicks: Int = 128
  /// A snapshot that was sent and neither acknowledged nor reported on for this long is offered again.
  public var snapshotTicks: Int = 1200

  public init() {}
}

public struct RaftConfiguration: Sendable {
  public var id: MemberID
  /// The membership that the group starts with: the same on each of its first members, empty on one that joins later. Ignored
  /// once a snapshot or an entry says otherwise.
  public var voters: [MemberID]
  public var learners: [MemberID]
  /// Higher leads rather; members not named have 0. The same on each member.
  public var priorities: [MemberID: Int]
  public var timing = RaftTiming()
  /// Bytes and messages under way to one follower before the leader waits for acknowledgements.
  public var maxInflightBytes: Int = 16 << 20
  public var maxInflightMessages: Int = 256
  /// Bytes of entries in one message (one entry more if that alone is larger).
  public var maxEntryBytesPerMessage: Int = 1 << 20
  /// Bytes of entries that wait for a majority; proposals beyond are dropped with `.tooMuchUncommitted`.
  public var maxUncommittedBytes: Int = 64 << 20
  /// Different on each member and at each start, so that election timeouts differ.
  public var seed: UInt64
  /// Deliberate bugs that prove the simulation's checkers; without effect in release builds.
  public var defects: RaftDefects = []

  public init(id: MemberID, voters: [MemberID], learners: [MemberID] = [], priorities: [MemberID: Int] = [:], seed: UInt64) {
    self.id = id
    self.voters = voters
    self.learners = learners
    self.priorities = priorities
    self.seed = seed
  }

  /// Throws `.invalidConfiguration` with the relationship that does not hold.
  func check() throws(ConsensusError) {
    func need(_ holds: Bool, _ sentence: String) throws(ConsensusError) {
      if !holds { throw ConsensusError(.invalidConfiguration, "member \(id): \(sentence)") }
    }
    try need(id.value != 0, "0 is not a member id")
    try need(timing.heartbeatTicks >= 1, "heartbeatTicks is \(timing.heartbeatTicks), must be at least 1")
    try need(
      timing.electionTicks >= 3 * timing.heartbeatTicks,
      "electionTicks is \(timing.electionTicks), must be at least three times heartbeatTicks (\(timing.heartbeatTicks))")
    try need(timing.electionJitterTicks >= 1, "electionJitterTicks is \(timing.electionJitterTicks), must be at least 1")
    try need(timing.electionMarginTicks >= 0 && timing.priorityTicks >= 0, "margins in ticks must not be negative")
    try need(timing.snapshotTicks > timing.electionTicks, "snapshotTicks must exceed electionTicks")
    try need(maxInflightMessages >= 1 && maxInflightBytes >= 1, "nothing could be sent with an empty window")
    try need(
      maxEntryBytesPerMessage >= 1 && maxEntryBytesPerMessage <= ConsensusLimits.maxMessageBytes / 2,
      "maxEntryBytesPerMessage is \(maxEntryBytesPerMessage), must be within 1 and \(ConsensusLimits.maxMessageBytes / 2)")
    try need(voters.count + learners.count <= ConsensusLimits.maxMembers, "more than \(ConsensusLimits.maxMembers) members")
  }
}
