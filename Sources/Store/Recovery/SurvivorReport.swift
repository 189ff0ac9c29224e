import Consensus
import Keyspace
import Primitives

/// What one member knows when it is asked whether it could go on without the others.
public struct SurvivorReport: Hashable, Sendable {
  public var memberID: MemberID
  public var clusterID: UInt64
  public var epoch: UInt64
  /// Of the order that founded that epoch; 0: not known, or the first.
  public var epochMark: UInt64
  public var log: LogSummary
  /// Of the keyspace as far as it is known to be committed, and at the log's end.
  public var committedRevision: Int64
  public var lastRevision: Int64
  /// Writes in the log that are not known to be committed.
  public var tail = PrefixCounts()
  /// As far as it knows.
  public var members: [MemberRecord]
  public var voters: [MemberID]
  /// nil: it has none.
  public var leader: MemberID?
  /// How far the leader said that it was when it was heard last.
  public var horizon: Horizon?

  /// The end of the leader's log at some time: what of it has not arrived, existed.
  public struct Horizon: Hashable, Sendable {
    public var index: UInt64
    public var revision: Int64
    /// On this member's clock, when it was heard.
    public var heard: WallTime
  }

  public var record: MemberRecord? { members.first { $0.id == memberID } }

  init(
    _ configuration: StoreConfiguration, epoch: EpochRecord, log: LogSummary, keyspace: Keyspace, entries: [Entry], members: [MemberRecord],
    voters: [MemberID], leader: MemberID? = nil, horizon: Horizon? = nil
  ) throws {
    memberID = configuration.memberID
    clusterID = configuration.clusterID
    self.epoch = epoch.epoch
    epochMark = epoch.mark
    self.log = log
    self.members = members
    self.voters = voters
    self.leader = leader
    self.horizon = horizon
    var replay = LogReplay(keyspace)
    for entry in entries where entry.index <= log.commit { try replay.apply(entry) }
    committedRevision = replay.keyspace.revision
    for entry in entries where entry.index > log.commit {
      for event in try replay.apply(entry) { tail.add(event.keyValue.key) }
    }
    lastRevision = replay.keyspace.revision
  }
}

extension SurvivorReport {
  func encode() -> Bytes {
    var writer = ByteWriter()
    writer.fixed64(memberID.value)
    writer.fixed64(clusterID)
    writer.unsigned(epoch)
    writer.fixed64(epochMark)
    for value in [log.base.term, log.base.index, log.last.term, log.last.index, log.commit, log.currentTerm] { writer.unsigned(value) }
    writer.count(log.runs.count)
    for run in log.runs {
      writer.unsigned(run.term)
      writer.unsigned(run.first)
    }
    writer.signed(committedRevision)
    writer.signed(lastRevision)
    tail.encode(to: &writer)
    writer.block(KeyspaceCommand.cluster(.adopt(members)).encode())
    writer.count(voters.count)
    for voter in voters { writer.fixed64(voter.value) }
    writer.fixed64(leader?.value ?? 0)
    writer.byte(horizon == nil ? 0 : 1)
    if let horizon {
      writer.unsigned(horizon.index)
      writer.signed(horizon.revision)
      writer.signed(horizon.heard.secondsSince1970)
      writer.signed(Int64(horizon.heard.nanoseconds))
    }
    return writer.take()
  }

  init(_ bytes: Bytes) throws {
    var reader = ByteReader(bytes)
    memberID = MemberID(try reader.fixed64())
    clusterID = try reader.fixed64()
    epoch = try reader.unsigned()
    epochMark = try reader.fixed64()
    let base = LogPosition(term: try reader.unsigned(), index: try reader.unsigned())
    let last = LogPosition(term: try reader.unsigned(), index: try reader.unsigned())
    let (commit, term): (UInt64, UInt64) = (try reader.unsigned(), try reader.unsigned())
    var runs: [TermRun] = []
    for _ in 0..<(try reader.count(minimumSize: 2)) { runs.append(TermRun(term: try reader.unsigned(), first: try reader.unsigned())) }
    log = LogSummary(member: memberID, base: base, runs: runs, last: last, commit: commit, currentTerm: term)
    committedRevision = try reader.signed()
    lastRevision = try reader.signed()
    // What a certificate reckons with.
    guard committedRevision >= 1, lastRevision >= committedRevision, lastRevision < Self.revisionLimit,
      max(epoch, log.currentTerm) < FoundingOrder.limit
    else { throw reader.malformed("impossible revisions, term or epoch") }
    tail = try PrefixCounts(from: &reader)
    guard case .cluster(.adopt(let members)) = try KeyspaceCommand.decode(try reader.block()) else {
      throw reader.malformed("no list of members")
    }
    self.members = members
    voters = []
    for _ in 0..<(try reader.count(minimumSize: 8)) { voters.append(MemberID(try reader.fixed64())) }
    let leader: UInt64 = try reader.fixed64()
    self.leader = leader == 0 ? nil : MemberID(leader)
    if try reader.byte() == 1 {
      horizon = Horizon(
        index: try reader.unsigned(), revision: try reader.signed(),
        heard: WallTime(secondsSince1970: try reader.signed(), nanoseconds: Int32(truncatingIfNeeded: try reader.signed())))
    }
    // Heard from another: what cannot be says nothing.
    if let revision: Int64 = horizon?.revision, revision < 1 || revision >= Self.revisionLimit { horizon = nil }
    try reader.finish()
  }

  /// Room for what recoveries jump over.
  private static let revisionLimit: Int64 = .max - 4 * Recovery.revisionJump
}

extension MemberCore {
  /// On the loop; costs a copy of what the entries behind the applied ones touch.
  func survivorReport() throws -> SurvivorReport {
    let log: LogSummary = node.logSummary
    let first: UInt64 = keyspace.appliedIndex + 1
    let entries: [Entry] = first <= log.last.index ? (first...log.last.index).compactMap { node.entry(at: $0) } : []
    return try SurvivorReport(
      configuration, epoch: epoch, log: log, keyspace: keyspace, entries: entries, members: records,
      voters: node.membership.isJoint ? node.membership.members.filter(node.membership.isVoter) : node.membership.voters,
      leader: node.currentLeader, horizon: horizon)
  }
}
