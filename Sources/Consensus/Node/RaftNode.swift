import Primitives

/// One member's part in Raft (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", and Ongaro's thesis) as
/// a value. It does nothing by itself: the shell calls one of the mutating methods, then takes the output and carries it out
/// as `RaftOutput` says. No clock, disk, socket, thread or randomness of its own (timeouts come from the configured seed).
///
/// Calls may be made in any order and number before an output is taken; messages made meanwhile are merged.
public struct RaftNode: Sendable {
  let configuration: RaftConfiguration
  let id: MemberID
  var priorities: [MemberID: Int]
  var random: SeededRandom

  // What is persistent (figure 2 of the paper).
  @usableFromInline var term: UInt64
  var vote: MemberID?
  @usableFromInline var log: RaftLog
  var memberships: Memberships
  var snapshot: SnapshotMetadata?

  // Indexes on the way to the state machine.
  @usableFromInline var commit: UInt64
  var handedOut: UInt64
  var appliedIndex: UInt64

  // Role.
  @usableFromInline var role: RaftRole = .follower
  @usableFromInline var leader: MemberID?
  var answers: [MemberID: Bool] = [:]
  var isTransferCampaign: Bool = false
  /// Until this tick it refuses candidates that it would beat; set by the first such refusal in a silence of the leader.
  var refusesUntil: UInt64?
  /// Until this tick it leaves the field to a candidate no worse than itself, whom it has just promised its vote.
  var supportsUntil: UInt64 = 0

  /// Its shell asked for it: see `setStandsAside`.
  var standsAside: Bool = false

  // Time, in ticks.
  var now: UInt64 = 0
  /// Since the leader was heard, a vote was given or a campaign began.
  var elapsed: Int = 0
  var timeout: Int = 0
  var untilHeartbeat: Int = 0

  /// Its log lacks entries that it acknowledged. It takes entries and snapshots, and neither votes nor leads until `endRepair()`.
  public internal(set) var isRepairing: Bool

  var leading = Leading()
  var reads = PendingReads()
  /// Ids of what is forwarded to the leader: unique among this member's starts as long as seeds are.
  var nextForward: UInt64 = 0
  var pending = PendingOutput()

  /// Starts a member from what its disk holds. `applied`: how far the state machine is already (the snapshot's index, or more if the
  /// state machine keeps itself); entries up to there are not handed out again.
  /// Throws `.invalidConfiguration` or, when the restored parts contradict each other, `.inconsistentState`.
  public init(configuration: RaftConfiguration, restored: RestoredState = .fresh, applied: UInt64 = 0) throws(ConsensusError) {
    ConsensusLimits.assertRelationships()
    try configuration.check()
    self.configuration = configuration
    id = configuration.id
    priorities = configuration.priorities
    random = SeededRandom(seed: configuration.seed ^ (configuration.id.value &* 0xD6E8_FEB8_6659_FD93))
    term = restored.hardState.term
    vote = restored.hardState.vote
    snapshot = restored.snapshot
    isRepairing = restored.isRepairing
    let base = LogPosition(term: restored.snapshot?.term ?? 0, index: restored.snapshot?.index ?? 0)
    let entries: [Entry] = restored.entries.filter { $0.index > base.index }
    var previous: LogPosition = base
    memberships = Memberships(
      base: base.index, restored.snapshot?.membership ?? Membership(voters: configuration.voters, learners: configuration.learners))
    for entry in entries {
      guard entry.index == previous.index + 1, entry.term >= previous.term else {
        throw ConsensusError(
          .inconsistentState,
          "member \(id): the journal has entry \(entry.index) of term \(entry.term) after \(previous.index) of term \(previous.term): restore this member from its peers"
        )
      }
      if entry.kind == .membership { memberships.append(try Membership.decode(entry.payload), at: entry.index) }
      previous = LogPosition(term: entry.term, index: entry.index)
    }
    // Entries or a snapshot can reach the disk just before the term that they came with. No vote of that term was sent then.
    if previous.term > term {
      term = previous.term
      vote = nil
    }
    log = RaftLog(base: base, entries: entries)
    commit = max(base.index, min(restored.hardState.commit, log.lastIndex))
    appliedIndex = max(applied, base.index)
    guard appliedIndex <= log.lastIndex else {
      throw ConsensusError(
        .inconsistentState,
        "member \(id): its state machine is at \(applied) but its log ends at \(log.lastIndex): restore it from its peers")
    }
    commit = max(commit, appliedIndex)
    handedOut = appliedIndex
    nextForward = random.next()
    pending.saved = HardState(term: term, vote: vote, commit: commit)
    pending.toldLeadership = Leadership(role: .follower, term: term, leader: nil)
    resetTimeout()
  }

  // Inlined into the shell, which asks at every step: a call into another module would copy the whole node, a retain and a release for
  // each of its thirty references, where modules are not optimised together (debug builds, and so the simulation).
  @inlinable public var isLeader: Bool { role == .leader }
  public var membership: Membership { memberships.current }
  /// It belongs to the membership that is committed, or to a newer one: nothing is decided without it yet.
  public func isStillMember(_ member: MemberID) -> Bool { memberships.isMember(member, since: commit) }
  @inlinable public var currentTerm: UInt64 { term }
  @inlinable public var currentLeader: MemberID? { leader }
  @inlinable public var commitIndex: UInt64 { commit }
  /// The log's end, durable or not.
  @inlinable public var lastIndex: UInt64 { log.lastIndex }
  /// The newest snapshot's; 0 without one.
  public var snapshotIndex: UInt64 { snapshot?.index ?? 0 }

  var timing: RaftTiming { configuration.timing }
  var membersNow: Membership { memberships.current }
  /// Whose majorities decide.
  var deciding: Membership { has(.leavesJointTooSoon) ? membersNow.left : membersNow }
  /// One that lost its vote campaigns until that is committed (thesis §4.2.2): it may be the only one whose log those who vote without it
  /// can go on from. They elect it, it commits what they lack, and makes room.
  var mayLead: Bool { memberships.isVoter(id, since: commit) && !isRepairing }
  var mayVote: Bool { !isRepairing || has(.votesWhileRepairing) }
  var isHalted: Bool { pending.fault != nil }

  /// Tells the node that one tick has passed. A shell that was held up calls it once, not once per tick missed: an election timeout
  /// must not pass unheard in a burst.
  public mutating func tick() {
    guard !isHalted else { return }
    now += 1
    expireForwardedReads()
    if role == .leader { tickLeader() } else { tickFollower() }
  }

  /// Stops taking part: the member saw what cannot be.
  mutating func halt(_ sentence: String) {
    guard pending.fault == nil else { return }
    pending.fault = ConsensusError(.halted, "member \(id) in term \(term): \(sentence)")
    role = .follower
    leader = nil
    pending.messages.removeAll()
    pending.held.removeAll()
  }

  func has(_ defect: RaftDefects) -> Bool {
    #if DEBUG
      configuration.defects.contains(defect)
    #else
      false
    #endif
  }
}
