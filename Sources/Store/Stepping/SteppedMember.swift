import Consensus
import Journal
import Keyspace
import Logging
import NIOCore
import Primitives

/// A member without thread, socket, or clock: the same `MemberCore` as in `Store`, and whoever holds it decides when time passes, what
/// arrives, and when the disk is done. What the seeded simulation runs.
///
/// After every call the member has carried out all that follows from it. What its journal and its link are handed is the holder's to
/// complete; completions of the journal are followed by `settle()`.
public final class SteppedMember {
  private let loop: SteppedLoop
  private let core: MemberCore
  private static let quiet = Logger(label: "store") { _ in SwiftLogNoOpLogHandler() }

  /// - Parameters:
  ///   - journal: what the member shall write to; `core` and `contents` are what it was opened from, on `disk`.
  ///   - adjust: limits and planted bugs of consensus.
  /// - Throws: `StoreError`, `ConsensusError`, `KeyspaceError`, `JournalError`: what the disk holds cannot be used.
  public init(
    _ configuration: StoreConfiguration, timing: RaftTiming, clock: any TimeSource, core: JournalCore, contents: JournalContents,
    journal: any MemberJournal, link: any PeerLink, disk: any Disk, defects: StoreDefects = [],
    adjust: @escaping @Sendable (inout RaftConfiguration) -> Void = { _ in }
  ) throws {
    try configuration.check()
    loop = SteppedLoop()
    let board = StatusBoard(
      memberID: configuration.memberID, clusterID: configuration.clusterID, records: configuration.members.map(\.record))
    var environment = MemberEnvironment(
      configuration: configuration, eventLoop: loop, clock: clock, logger: Self.quiet, link: link, metrics: StoreMetrics(), board: board,
      disk: disk, timing: timing)
    environment.defects = defects
    environment.adjust = adjust
    environment.publishes = false
    var (keyspace, state): (Keyspace, RestoredState) = try RestoredMember.read(core, contents)
    #if DEBUG
      if defects.contains(.cutsTooMuch) { state.entries.removeLast(min(3, state.entries.count)) }
      if defects.contains(.forgetsVote) { state.hardState.vote = nil }
    #endif
    self.core = try MemberCore(
      RestoredMember(journal: journal, keyspace: keyspace, state: state, epoch: EpochRecord.read(disk)), environment)
    keyspace = Keyspace()
    if !self.core.keyspace.cluster.members.isEmpty { self.core.updateLinks() }
    loop.run()
  }

  // What waits in the loop holds on to the member.
  deinit { loop.clear() }

  // MARK: What happens to it

  public func tick() {
    core.tick()
    loop.run()
  }

  public func receive(_ frame: ByteBuffer, from member: MemberID) {
    core.receive(frame, from: member)
    loop.run()
  }

  public func linkChanged(_ member: MemberID, up: Bool) {
    core.linkChanged(member, up: up)
    loop.run()
  }

  /// After the journal's completions.
  public func settle() { loop.run() }

  // MARK: What is asked of it

  /// Returns the number that stands beside the member's id in the entry; nil: it was refused at once.
  @discardableResult
  public func submit(_ command: KeyspaceCommand, _ completion: @escaping (Result<CommandResult, KeyspaceError>) -> Void) -> UInt64? {
    let before: UInt64 = core.proposals.lastNumber
    core.submit(command, completion)
    let number: UInt64? = core.proposals.lastNumber == before ? nil : core.proposals.lastNumber
    loop.run()
    return number
  }

  public func linearize(_ completion: @escaping (KeyspaceError?) -> Void) {
    core.linearize(completion)
    loop.run()
  }

  /// Answers the granted seconds, 0 if there is no such lease.
  public func keepLeaseAlive(_ id: Int64, _ completion: @escaping (Result<Int64, KeyspaceError>) -> Void) {
    core.callLeader(LeaderCall(kind: .keepAlive, lease: id), completion)
    loop.run()
  }

  public func change(_ change: MemberChange, _ completion: @escaping (Result<MemberID?, KeyspaceError>) -> Void) {
    core.change(change, completion)
    loop.run()
  }

  /// On the leader: changes who votes, and nothing of what is replicated about the members.
  public func reconfigure(_ change: MembershipChange) -> ProposalResult {
    let result: ProposalResult = core.node.proposeConfiguration(change)
    core.scheduleDrain()
    loop.run()
    return result
  }

  public func transferLeadership(to member: MemberID) {
    core.node.transferLeadership(to: member)
    core.scheduleDrain()
    loop.run()
  }

  public func resignLeadership() {
    core.node.resignLeadership()
    core.scheduleDrain()
    loop.run()
  }

  public func openWatch(_ request: WatchRequest) throws(KeyspaceError) -> Int {
    var request: WatchRequest = request
    if core.has(.resumesWatchesLate), request.startRevision > 0 { request.startRevision += 1 }
    return try core.watches.open(request, core.keyspace)
  }

  public func pull(_ watch: Int, limit: Int, _ completion: @escaping Watches.Completion) {
    core.watches.pull(watch, limit: limit, core.keyspace, completion)
    loop.run()
  }

  public func closeWatch(_ watch: Int) {
    core.watches.close(watch)
    loop.run()
  }

  // MARK: What it is

  public var keyspace: Keyspace { core.keyspace }
  public var appliedIndex: UInt64 { core.keyspace.appliedIndex }
  // From what the shell was told last: asking the node copies it, and this is asked after every step.
  public var isLeader: Bool { core.failure == nil && core.leadership?.role == .leader }
  public var term: UInt64 { core.leadership?.term ?? core.node.currentTerm }
  public var commitIndex: UInt64 { core.node.commitIndex }
  public var membership: Membership { core.node.membership }
  public var raft: RaftStatus { core.node.status }
  /// It leads, has applied what the leaders before it committed, and looks after leases and cities.
  public var isInCharge: Bool { isLeader && core.leases.isKeeping }
  public var hasFailed: Bool { core.failure != nil }
  /// Why it stopped.
  public var failure: String? { core.failure?.message }
  /// Its link has nothing to do with that one any more.
  public func refuses(_ member: MemberID) -> Bool {
    core.keyspace.cluster.removed.contains(member) && !core.node.membership.isMember(member)
  }
  public var isRemoved: Bool { core.isRemoved }
  public func entry(at index: UInt64) -> Entry? { core.node.entry(at: index) }

  /// What an entry of kind `.data` holds, for those who look at the log from outside. nil: it is no such entry.
  public static func read(_ payload: Bytes) -> (origin: MemberID, request: UInt64, command: KeyspaceCommand)? {
    guard let (origin, request, rest) = try? LogPayload.head(payload), let command = try? LogPayload.command(rest) else { return nil }
    return (origin, request, command)
  }
}
