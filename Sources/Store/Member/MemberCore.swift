import Consensus
import Journal
import Keyspace
import Logging
import NIOCore
import Primitives
import SiteLink

/// One member, on its event loop: consensus, keyspace, watchers, callers. Everything that happens (a frame, a tick, a request, the
/// journal's word) changes state and asks for one `drain` at the end of this turn of the loop, which merges whatever came in the turn.
final class MemberCore {
  let configuration: StoreConfiguration
  let eventLoop: any EventLoop
  let clock: any TimeSource
  let logger: Logger
  let link: any PeerLink
  let journal: any MemberJournal
  let metrics: StoreMetrics
  let board: StatusBoard
  let persisted: PersistedRelay
  let disk: any Disk
  /// Of the cluster, as far as this member has promised to know it.
  let epoch: EpochRecord
  /// On followers: the end of the leader's log when it said it last, and how far everybody is.
  var horizon: SurvivorReport.Horizon?
  var notedHorizon: SurvivorReport.Horizon?
  var leaderWord: LeaderHorizon?
  var notedIndex: UInt64 = 0
  var noteCount: Int = 0
  /// Of this member's keyspace, whichever it is.
  let values: ValueFiles?
  /// Planted bugs; none outside the simulation.
  let defects: StoreDefects
  let publishes: Bool

  var node: RaftNode
  var keyspace: Keyspace
  var watches = Watches()
  var leases: LeaseKeeper
  var proposals: ProposalTable
  var reads = ReadTable()
  var calls: CallTable
  var relays: RelayPlan
  var changes: ChangeTable
  /// On the leader: how far each city is, and who waits for that.
  var ledger: CityLedger
  var held: [HeldAnswer] = []
  /// On the leader: whether centers are gone or back.
  var policy: ShrinkPolicy
  /// Up to here the other cities must have the log before a center's votes are taken.
  var drainTarget: UInt64?
  /// Some member says in which city it is.
  var hasCities: Bool = false
  /// The members as far as they are applied here.
  var records: [MemberRecord]
  var roster: [StoreMember]
  /// Members that were removed and are reached a little longer, to hear of it.
  var departing: [MemberID: (peer: LinkPeer, until: MonotonicTime)] = [:]
  /// Who leads rather, where somebody said so while running.
  var priorityOverrides: [MemberID: Int]?
  var isPublishing: Bool = false
  var isRemoved: Bool = false
  var lag = LagSamples()
  var compaction: CompactionClock?
  var countedCompaction: CompactionClock.Counted?
  /// Last entry handed to the journal.
  var lastIndex: UInt64 = 0
  var nextTransfer: UInt64

  /// A hard state with a newer commit index only: it goes with the next batch that is synced anyway.
  var lazyHardState: Bytes?
  /// The term and vote last handed to the journal.
  var promised: HardState
  /// Set while this member makes up for a damaged log.
  var repair: Repair?
  /// On the leader: which repairs of whom it has heard of in this term.
  var repairsHeard: [MemberID: UInt64] = [:]
  /// The journal has no space: nothing new is begun here.
  var isDiskFull: Bool = false
  /// When the oldest append that has not come back was handed to the journal.
  var unsynced: [(sequence: UInt64, since: MonotonicTime)] = []
  /// When a write was last seen to take longer than a leader may need.
  var lastStall: MonotonicTime?
  var leadership: Leadership?
  var pulse = Pulse()
  var lastSnapshotIndex: UInt64
  var isTakingSnapshot: Bool = false
  var snapshotBegan = MonotonicTime(nanoseconds: 0)
  /// Of the entries that are being applied.
  var counts = OperationCounts()
  /// Of commands applied since the last snapshot was begun.
  var appliedBytes: Int = 0
  /// Not before; nil: whenever one is due.
  var nextSnapshot: MonotonicTime?
  /// Who waits for space to be given back.
  var reclaims: [() -> Void] = []
  var senders: [MemberID: SnapshotSender] = [:]
  var receiver: SnapshotReceiver?
  /// On the leader: snapshots that a neighbour of the receiver sends, and who failed to lately.
  var delegations: [MemberID: SnapshotDelegation] = [:]
  var poorSources: [MemberID: MonotonicTime] = [:]
  /// When this member last came to lead.
  var leaderSince = MonotonicTime(nanoseconds: 0)
  /// The keyspace of a received snapshot, until consensus says whether it is taken.
  var staged: (keyspace: Keyspace, metadata: SnapshotMetadata)?
  var tickCount: UInt64 = 0
  var mustDrain: Bool = false
  var retriesAllowed: Bool = true
  var failure: KeyspaceError?
  /// A value in a file could not be read back, and this member is about to be made anew from its journal: it answers nobody.
  var rereading: KeyspaceError?
  let rereads: @Sendable (KeyspaceError) -> Void
  var malformedFrames: Set<MemberID> = []

  init(_ restored: RestoredMember, _ environment: MemberEnvironment) throws {
    configuration = environment.configuration
    eventLoop = environment.eventLoop
    clock = environment.clock
    logger = environment.logger
    link = environment.link
    metrics = environment.metrics
    board = environment.board
    journal = restored.journal
    disk = environment.disk
    epoch = restored.epoch
    values = restored.values
    horizon = HorizonNote.read(environment.disk, epoch: restored.epoch.epoch)
    notedHorizon = horizon
    promised = restored.state.hardState
    defects = environment.defects
    rereads = environment.rereads
    publishes = environment.publishes
    persisted = PersistedRelay()
    keyspace = restored.keyspace
    leases = LeaseKeeper(checkpointInterval: configuration.leaseCheckpointInterval)
    compaction = configuration.historyRetention.map { CompactionClock(retention: $0) }
    countedCompaction = configuration.historyRevisions.map { CompactionClock.Counted(revisions: $0) }
    lastSnapshotIndex = restored.state.snapshot?.index ?? 0
    proposals = ProposalTable(origin: configuration.memberID, seed: configuration.seed)
    calls = CallTable(seed: configuration.seed)
    relays = RelayPlan(configuration.wideArea, tick: configuration.tick)
    nextTransfer = configuration.seed
    changes = ChangeTable(seed: configuration.seed)
    ledger = CityLedger(patience: configuration.autoPatience, recovery: configuration.cityRecovery)
    policy = ShrinkPolicy(
      mode: configuration.shrinkMode, patience: configuration.shrinkPatience, completion: StoreLimits.regrowCompletion)
    let cluster: ClusterState = keyspace.cluster
    guard !cluster.removed.contains(configuration.memberID) else {
      throw StoreError(.removed, "member \(configuration.member?.name.value ?? ""): \(Self.removalSentence)")
    }
    records = cluster.members.isEmpty ? configuration.members.map(\.record) : cluster.members
    roster = cluster.members.isEmpty ? configuration.members : records.map { StoreMember($0) }
    board.set(records)
    board.setCluster(cluster)
    // One that joins learns from the log who votes.
    let founders: [StoreMember] = configuration.start == .bootstrap && !epoch.isRejoined ? configuration.members : []
    lastIndex = restored.state.entries.last?.index ?? lastSnapshotIndex
    var raft = RaftConfiguration(
      id: configuration.memberID, voters: founders.filter { $0.role == .voter }.map(\.id),
      learners: founders.filter { $0.role == .learner }.map(\.id),
      priorities: Dictionary(uniqueKeysWithValues: roster.map { ($0.id, $0.priority) }), seed: configuration.seed)
    raft.timing = environment.timing
    environment.adjust(&raft)
    node = try RaftNode(configuration: raft, restored: restored.state, applied: restored.keyspace.appliedIndex)
    if restored.state.isRepairing { repair = Repair(number: configuration.seed) }
    noteCities()
    relays.onMembers(roster, own: configuration.memberID)
  }

  var handle: NIOLoopBound<MemberCore> { NIOLoopBound(self, eventLoop: eventLoop) }
  var now: MonotonicTime { clock.now() }

  /// Asks for one `drain` at the end of this turn.
  func scheduleDrain() {
    guard !mustDrain else { return }
    mustDrain = true
    let handle: NIOLoopBound<MemberCore> = handle
    eventLoop.execute { handle.value.drain() }
  }

  func drain() {
    mustDrain = false
    guard failure == nil else { return }
    proposeWaiting()
    askWaitingReads()
    while failure == nil {
      let output: RaftOutput = node.takeOutput()
      if output.isEmpty { break }
      carryOut(output)
    }
    releaseHeld()
  }

  /// In the order that `RaftOutput` prescribes.
  private func carryOut(_ output: RaftOutput) {
    if let fault: ConsensusError = output.fault { return fail("consensus halted: \(fault.message)") }
    if let metadata: SnapshotMetadata = output.snapshot { install(metadata) }
    write(output)
    send(output.messages)
    if let change: Leadership = output.leadership { onLeadership(change) }
    apply(output.committed)
    for read in output.reads { serve(read.context) }
    for context in output.droppedReads { reads.dropped(context) }
    retryDropped(output)
    for one in proposals.takeAbandoned() {
      one.completion(.failure(KeyspaceError(.dropped, "the leader that proposed it leads no more: nothing was written")))
    }
  }

  private func write(_ output: RaftOutput) {
    if let state: HardState = output.hardState {
      var bytes: Bytes = []
      state.encode(into: &bytes)
      lazyHardState = bytes
    }
    guard output.sequence != 0 else { return }
    let isPromise: Bool = output.hardState.map { $0.term != promised.term || $0.vote != promised.vote } ?? false
    if let state: HardState = output.hardState { promised = state }
    let batch = JournalBatch(
      startBehind: output.snapshot.map { LogPlace(index: $0.index, term: $0.term) },
      entries: output.entries.map { JournalEntry(index: $0.index, term: $0.term, kind: $0.kind.rawValue, payload: $0.payload) },
      hardState: lazyHardState, isPromise: isPromise)
    lazyHardState = nil
    if let last: Entry = output.entries.last {
      lastIndex = last.index
      lag.add(bytes: output.entries.reduce(0) { $0 + $1.payload.count })
    }
    unsynced.append((output.sequence, now))
    let (sequence, relay, handle): (UInt64, PersistedRelay, NIOLoopBound<MemberCore>) = (output.sequence, persisted, handle)
    let eventLoop: any EventLoop = eventLoop
    journal.append(batch) { result in
      // On the journal's thread: one hop for all that finished together.
      if relay.note(sequence, result) { eventLoop.execute { handle.value.onPersisted(relay.take()) } }
    }
  }

  private func onPersisted(_ result: Result<UInt64, JournalError>) {
    guard failure == nil else { return }
    switch result {
    case .success(let sequence):
      unsynced.removeAll { $0.sequence <= sequence }
      node.persisted(sequence)
      continueRepair()
      scheduleDrain()
    case .failure(let error):
      // Others need not find out by its silence. What it still sends promises nothing that its disk would have to keep.
      if node.isLeader {
        node.resignLeadership()
        drain()
      }
      fail("the journal failed, nothing is acknowledged any more: \(error.message)")
    }
  }

  /// The member stops taking part, says so to every caller and in its health, and is of no use until it is started again.
  func fail(_ sentence: String) {
    guard failure == nil else { return }
    let error = KeyspaceError(.unavailable, "member \(configuration.member?.name.value ?? "") stopped: \(sentence)")
    failure = error
    logger.error("member stopped", metadata: ["reason": "\(sentence)"])
    answerAll(error)
    watches.closeAll(error)
    publish()
  }

  /// Why this member answers nobody; nil while it serves.
  var refusal: KeyspaceError? { failure ?? rereading ?? repair.map { _ in Self.repairRefusal } }

  func answerAll(_ error: KeyspaceError) {
    for one in proposals.takeAll() { one.completion(.failure(error)) }
    for one in reads.takeAll() { one.completion(error) }
    for one in calls.takeAll() { one.completion(.failure(error)) }
    failChanges(error)
  }
}

/// What a member is given.
struct MemberEnvironment: Sendable {
  var configuration: StoreConfiguration
  var eventLoop: any EventLoop
  var clock: any TimeSource
  var logger: Logger
  var link: any PeerLink
  var metrics: StoreMetrics
  var board: StatusBoard
  var disk: any Disk
  var timing: RaftTiming
  var defects: StoreDefects = []
  /// The last word on how consensus is configured.
  var adjust: @Sendable (inout RaftConfiguration) -> Void = { _ in }
  /// Whoever can make the member anew from its folder.
  var rereads: @Sendable (KeyspaceError) -> Void = { _ in }
  /// Off where nobody reads status and metrics.
  var publishes: Bool = true
}
