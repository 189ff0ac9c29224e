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

  /// What the journal said when it was opened.
  public let remarks: [String]
  /// Of the cluster, as far as this member has promised to know it.
  public var epoch: UInt64 { core.epoch.epoch }

  /// Reads the folder as `Store` does, repairs and unfinished returns to the cluster included.
  /// - Parameters:
  ///   - journal: runs what was opened.
  ///   - adjust: limits and planted bugs of consensus.
  /// - Throws: `StoreError`, `ConsensusError`: what the disk holds cannot be used.
  public init(
    _ configuration: StoreConfiguration, timing: RaftTiming, clock: any TimeSource, disk: any Disk, link: any PeerLink,
    defects: StoreDefects = [], journal: (JournalCore) -> any MemberJournal,
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
    var restored: RestoredMember = try RestoredMember.open(configuration, disk, Self.quiet, journal)
    remarks = restored.remarks
    #if DEBUG
      if defects.contains(.cutsTooMuch) { restored.state.entries.removeLast(min(3, restored.state.entries.count)) }
      if defects.contains(.forgetsVote) { restored.state.hardState.vote = nil }
    #endif
    core = try MemberCore(restored, environment)
    if !core.keyspace.cluster.members.isEmpty { core.updateLinks() }
    loop.run()
  }

  // What waits in the loop holds on to the member.
  deinit { loop.clear() }

  // MARK: What happens to it

  public func tick() {
    core.tick()
    loop.run()
  }

  public func receive(_ frame: [UInt8], from member: MemberID) {
    core.receive(bytes: frame, from: member)
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

  /// Ends it so that its folder can be worked on: hands over what it leads, answers everybody. The journal is the holder's to finish and
  /// close.
  public func stopForRestart(because sentence: String) {
    _ = core.stop(because: sentence, isForGood: false)
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
    core.keyspace.cluster.removed.contains(member) && !core.node.isStillMember(member)
  }
  public var isRemoved: Bool { core.isRemoved }
  /// Its log was damaged, and it makes up for that.
  public var isRepairing: Bool { core.repair != nil }
  /// The end of the log in its memory.
  public var lastIndex: UInt64 { core.node.lastIndex }
  public var logSummary: LogSummary { core.node.logSummary }
  /// What it says to those who ask whether it could go on without the others.
  public func survivorReport() throws -> SurvivorReport { try core.survivorReport() }
  /// The last recovery that stands in the log that is in memory, and its entry.
  public var founding: (recovery: Recovery, entry: Entry)? {
    let summary: LogSummary = core.node.logSummary
    guard summary.last.index > summary.base.index else { return nil }
    for index in ((summary.base.index + 1)...summary.last.index).reversed() {
      guard let entry: Entry = core.node.entry(at: index), entry.kind == .membership,
        let attachment: Bytes = try? Membership.decodeAttached(entry.payload).attachment, !attachment.isEmpty,
        case .cluster(.recover(let recovery, _))? = try? KeyspaceCommand.decode(attachment)
      else { continue }
      return (recovery, entry)
    }
    return nil
  }
  /// What a member of an older epoch is told of this one's.
  public var proof: [UInt8] { Recovery.encode(core.keyspace.cluster.recoveries) }
  /// Such a word makes it rejoin.
  public func heeds(_ proof: [UInt8]) -> Bool { ((try? Recovery.list(proof))?.last?.epoch ?? 0) > core.epoch.epoch }
  public func entry(at index: UInt64) -> Entry? { core.node.entry(at: index) }

  /// What an entry of kind `.data` holds, for those who look at the log from outside. nil: it is no such entry.
  public static func read(_ payload: Bytes) -> (origin: MemberID, request: UInt64, command: KeyspaceCommand)? {
    guard let (origin, request, rest) = try? LogPayload.head(payload), let command = try? LogPayload.command(rest) else { return nil }
    return (origin, request, command)
  }
}
