import Consensus
import Keyspace
import Primitives
import Synchronization

/// A member's view, at most four ticks old. For `endpoint status`, metrics, the console and federation.
public struct StoreStatus: Sendable {
  public var memberID: MemberID
  public var clusterID: UInt64
  public var members: [StoreMember] = []
  /// Of the cluster: 0 as founded, one more with every recovery from a lost majority.
  public var epoch: UInt64 = 0
  public var leader: MemberID?
  public var isLeader: Bool = false
  public var isLearner: Bool = false
  public var term: UInt64 = 0
  /// Last index of the log.
  public var lastIndex: UInt64 = 0
  public var commitIndex: UInt64 = 0
  public var appliedIndex: UInt64 = 0
  public var revision: Int64 = 1
  public var compactedRevision: Int64 = 0
  public var keys: Int = 0
  /// Memory that the keyspace takes, in bytes.
  public var dataBytes: Int = 0
  /// Of these, in files.
  public var fileBytes: Int = 0
  public var snapshotIndex: UInt64 = 0
  public var pendingProposals: Int = 0
  public var watches: Int = 0
  /// All but the leader, as it knows them; on others as it said last, at most a quarter of a second ago at the default tick.
  public var peers: [PeerProgress] = []
  /// By name; how far each is behind the leader knows and tells.
  public var cities: [CityProgress] = []
  /// How the disk below the journal does.
  public var disk = DiskStatus()
  /// The longest time between two of its own ticks, and without a word of the leader, of the last ten to twenty seconds.
  public var longestPauseSeconds: Double = 0
  public var longestSilenceSeconds: Double = 0
  /// Its log was damaged; it neither votes nor serves before it has it back from the leader.
  public var isRepairing: Bool = false
  /// It was removed from the cluster for good.
  public var isRemoved: Bool = false
  /// Why the member stopped; nil while it runs.
  public var failure: String?

  init(memberID: MemberID, clusterID: UInt64) {
    self.memberID = memberID
    self.clusterID = clusterID
  }
}

/// How far behind the leader a member is.
public struct PeerProgress: Sendable, Hashable {
  public var id: MemberID
  public var name: HostName
  public var center: CenterName
  public var isVoter: Bool
  /// Last entry known to be on its disk.
  public var match: UInt64
  public var lagEntries: UInt64
  public var lagBytes: UInt64
  public var lagSeconds: Double
  /// Since it was last heard.
  public var silentSeconds: Double
  public var isReceivingSnapshot: Bool
}

/// How far behind the leader the nearest member of a city is.
public struct CityProgress: Sendable, Hashable {
  public var name: String
  public var members: [MemberID]
  /// Up to here one of them has the log on disk. These four are nil where the leader has not told them.
  public var durableIndex: UInt64?
  public var lagEntries: UInt64?
  public var lagBytes: UInt64?
  public var lagSeconds: Double?
  /// Set while `auto` writes do not wait for it.
  public var degradation: ClusterState.Degradation?

  init(name: String, members: [MemberID], degradation: ClusterState.Degradation?) {
    self.name = name
    self.members = members
    self.degradation = degradation
  }
}

public struct LeadershipChange: Sendable, Hashable {
  /// nil: nobody is known to lead.
  public var leader: MemberID?
  public var leaderName: HostName?
  public var term: UInt64
  /// This member leads.
  public var isLocal: Bool
}

/// What other threads may read, and who wants to hear of leaders.
final class StatusBoard: Sendable {
  private struct State: Sendable {
    var status: StoreStatus
    var change: LeadershipChange
    var observers: [Int: @Sendable (LeadershipChange) -> Void] = [:]
    var lastObserver: Int = 0
    var records: [MemberRecord]
    var cluster = ClusterState()
  }
  private let state: Mutex<State>
  /// Of the newest entry applied.
  let revision = Atomic<Int64>(1)
  let term = Atomic<UInt64>(0)
  /// The id that clients see.
  let presentedCluster: Atomic<UInt64>
  /// Changes of settings applied so far.
  let settingsVersion = Atomic<UInt64>(0)
  private let settings: Mutex<[String: Setting]> = Mutex([:])

  init(memberID: MemberID, clusterID: UInt64, records: [MemberRecord]) {
    presentedCluster = Atomic(clusterID)
    state = Mutex(
      State(
        status: StoreStatus(memberID: memberID, clusterID: clusterID),
        change: LeadershipChange(leader: nil, leaderName: nil, term: 0, isLocal: false), records: records))
  }

  var records: [MemberRecord] { state.withLock { $0.records } }
  var cluster: ClusterState { state.withLock { $0.cluster } }
  func setCluster(_ cluster: ClusterState) { state.withLock { $0.cluster = cluster } }
  func set(_ records: [MemberRecord]) { state.withLock { $0.records = records } }

  var status: StoreStatus { state.withLock { $0.status } }
  var change: LeadershipChange { state.withLock { $0.change } }
  func set(_ status: StoreStatus) { state.withLock { $0.status = status } }

  /// The values before the number: who compares numbers never reads older values.
  func set(settings keyspace: Keyspace) {
    settings.withLock { $0 = keyspace.settings }
    settingsVersion.store(keyspace.settingsVersion, ordering: .releasing)
  }
  func setting(_ name: String) -> Setting { settings.withLock { $0[name] ?? Setting() } }

  /// The member restarts: nobody leads for it, and nothing is wrong with it.
  func pause() {
    state.withLock { state in
      state.status.leader = nil
      state.status.isLeader = false
      state.status.peers = []
    }
    let change: LeadershipChange = change
    tell(LeadershipChange(leader: nil, leaderName: nil, term: change.term, isLocal: false))
  }

  /// On the loop.
  func fail(_ sentence: String) { state.withLock { $0.status.failure = sentence } }

  func tell(_ change: LeadershipChange) {
    let observers: [@Sendable (LeadershipChange) -> Void] = state.withLock { state in
      state.change = change
      return state.observers.keys.sorted().compactMap { state.observers[$0] }
    }
    for observer in observers { observer(change) }
  }

  /// nil when there are too many.
  func observe(_ observer: @escaping @Sendable (LeadershipChange) -> Void) -> Int? {
    let (id, change): (Int?, LeadershipChange) = state.withLock { state in
      guard state.observers.count < StoreLimits.observers else { return (nil, state.change) }
      state.lastObserver += 1
      state.observers[state.lastObserver] = observer
      return (state.lastObserver, state.change)
    }
    if id != nil { observer(change) }
    return id
  }
  func unobserve(_ id: Int) { state.withLock { $0.observers[id] = nil } }
}

extension MemberCore {
  /// Puts the member's view on the board and into the metrics.
  func publish() {
    guard publishes else { return }
    let raft: RaftStatus = node.status
    var status = StoreStatus(memberID: configuration.memberID, clusterID: configuration.clusterID)
    status.members = roster
    status.epoch = epoch.epoch
    status.isRemoved = isRemoved
    status.isRepairing = repair != nil
    status.leader = failure == nil ? raft.leader : nil
    status.isLeader = failure == nil && raft.role == .leader
    status.isLearner = !raft.membership.isVoter(raft.id)
    status.term = raft.term
    status.lastIndex = raft.lastIndex
    status.commitIndex = raft.commit
    status.appliedIndex = keyspace.appliedIndex
    status.revision = keyspace.revision
    status.compactedRevision = keyspace.compactedRevision
    status.keys = keyspace.keyCount
    status.dataBytes = keyspace.sizeBytes
    status.fileBytes = keyspace.fileBytes
    status.snapshotIndex = raft.snapshotIndex
    status.pendingProposals = proposals.count
    status.watches = watches.count
    status.failure = failure?.message
    let now: MonotonicTime = now
    status.disk = DiskStatus(journal.health, now: SystemClock().now(), limit: configuration.diskStallLimit)
    status.longestPauseSeconds = Double(pulse.longest.pause.inNanoseconds) / 1e9
    status.longestSilenceSeconds = Double(pulse.longest.silence.inNanoseconds) / 1e9
    status.cities = cityProgress(raft, now: now)
    let tickSeconds: Double = Double(configuration.tick.inNanoseconds) / 1e9
    status.peers = raft.peers.map { peer in
      let member: StoreMember? = roster.first { $0.id == peer.id }
      let (seconds, bytes): (Double, UInt64) = lag.lag(of: peer.match, now: now)
      return PeerProgress(
        id: peer.id, name: HostName(name(of: peer.id)), center: member?.center ?? "", isVoter: peer.isVoter,
        match: peer.match, lagEntries: raft.lastIndex - min(peer.match, raft.lastIndex), lagBytes: bytes, lagSeconds: seconds,
        silentSeconds: Double(peer.silentTicks) * tickSeconds, isReceivingSnapshot: peer.replication == .snapshot)
    }
    if !status.isLeader { progressFromLeader(&status) }
    board.set(status)
    board.revision.store(status.revision, ordering: .relaxed)
    board.term.store(status.term, ordering: .relaxed)
    if tickCount.isMultiple(of: 40) { metrics.links.record(link.statuses(), own: name(of: configuration.memberID)) }
    metrics.record(status, roundTrips: tickCount.isMultiple(of: 40) ? link.roundTrips() : [:])
  }
}
