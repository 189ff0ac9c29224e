import Consensus
import Journal
import Keyspace
import Primitives

/// What the successor is told to do: make its log the log of a new cluster.
struct FoundingOrder: Hashable, Sendable {
  var epoch: UInt64
  /// The log's end as it was reported: if there is more by now, nothing is done.
  var expected: LogPosition
  /// Of all survivors.
  var terms: [UInt64]
  var learners: [MemberID]
  var members: [MemberRecord]
  var time: WallTime
  var by: String

  func encode(to writer: inout ByteWriter) {
    for value in [epoch, expected.term, expected.index] { writer.unsigned(value) }
    writer.count(terms.count)
    for term in terms { writer.unsigned(term) }
    writer.count(learners.count)
    for learner in learners { writer.fixed64(learner.value) }
    writer.block(KeyspaceCommand.cluster(.adopt(members)).encode())
    writer.signed(time.secondsSince1970)
    writer.signed(Int64(time.nanoseconds))
    writer.block(Bytes(by))
  }

  init(from reader: inout ByteReader) throws {
    epoch = try reader.unsigned()
    expected = LogPosition(term: try reader.unsigned(), index: try reader.unsigned())
    terms = []
    for _ in 0..<(try reader.count()) { terms.append(try reader.unsigned()) }
    learners = []
    for _ in 0..<(try reader.count(minimumSize: 8)) { learners.append(MemberID(try reader.fixed64())) }
    guard case .cluster(.adopt(let members)) = try KeyspaceCommand.decode(try reader.block()) else {
      throw reader.malformed("no list of members")
    }
    self.members = members
    time = WallTime(secondsSince1970: try reader.signed(), nanoseconds: Int32(truncatingIfNeeded: try reader.signed()))
    by = try reader.block().text
    // The new cluster's are one more.
    guard ([epoch, expected.term, expected.index] + terms).allSatisfy({ $0 < Self.limit }) else {
      throw reader.malformed("impossible epoch, term or index")
    }
  }

  static let limit: UInt64 = .max / 2

  init(_ plan: RecoveryPlan, time: WallTime, by: String) {
    epoch = plan.epoch
    expected = plan.successor.log.last
    terms = plan.terms
    learners = plan.learners
    members = plan.successor.members
    self.time = time
    self.by = by
  }

  var mark: UInt64 { StoreIdentity.epochMark(epoch: epoch, index: expected.index, term: expected.term, time: time, by: by) }
}

/// A folder's contents, read without starting a member.
struct FolderContents {
  var core: JournalCore
  var keyspace: Keyspace
  var state: RestoredState

  static func open(_ configuration: StoreConfiguration, _ disk: any Disk) throws -> FolderContents {
    var journalConfiguration = JournalConfiguration(seed: configuration.seed)
    journalConfiguration.segmentBytes = configuration.journalSegmentBytes
    var (core, contents): (JournalCore, JournalContents) = try JournalCore.open(disk, journalConfiguration)
    do {
      let keyspace: Keyspace = try contents.snapshot.map { try RestoredMember.read($0, core) } ?? Keyspace()
      return FolderContents(core: core, keyspace: keyspace, state: try RestoredMember.state(contents))
    } catch {
      core.close()
      throw error
    }
  }
}

/// The successor's folder becomes the new cluster's first. etcd knows the two halves as `--force-new-cluster` and `snapshot restore
/// --bump-revision --mark-compacted`.
enum Founding {
  /// Blocks on the disk; the member is stopped.
  static func carryOut(_ order: FoundingOrder, _ configuration: StoreConfiguration, _ disk: any Disk) throws -> Recovery {
    var folder: FolderContents = try FolderContents.open(configuration, disk)
    defer { folder.core.close() }
    let epoch: EpochRecord = try EpochRecord.read(disk)
    guard epoch.epoch < order.epoch else {
      throw StoreError(.refused, "this member is of epoch \(epoch.epoch) already: look again at what there is to recover")
    }
    let summary = LogSummary(member: configuration.memberID, folder.state)
    guard summary.last == order.expected else {
      throw StoreError(
        .refused, "the log ends at \(summary.last.index) of term \(summary.last.term) by now, not at \(order.expected.index): run it again")
    }
    var replay = LogReplay(folder.keyspace)
    for entry in folder.state.entries { try replay.apply(entry) }
    let recovery = Recovery(
      epoch: order.epoch, index: summary.last.index, term: summary.last.term,
      runs: uncommitted(summary).suffix(StoreLimits.rememberedTerms).map { $0 },
      lastRevision: replay.keyspace.revision, firstRevision: replay.keyspace.revision + Recovery.revisionJump, time: order.time,
      by: order.by)
    let refounding = Refounding(
      of: configuration.memberID, last: summary.last, above: order.terms + [summary.currentTerm], learners: order.learners,
      attachment: KeyspaceCommand.cluster(.recover(recovery, order.members)).encode())
    var state: Bytes = []
    refounding.hardState.encode(into: &state)
    let entry = JournalEntry(
      index: refounding.entry.index, term: refounding.entry.term, kind: refounding.entry.kind.rawValue, payload: refounding.entry.payload)
    // The epoch first: with the entry and the old epoch it would lead a cluster that the old members belong to.
    try EpochRecord(epoch: order.epoch, mark: order.mark, isRejoined: epoch.isRejoined).write(disk)
    try folder.core.append([JournalBatch(entries: [entry], hardState: state)])
    return recovery
  }

  /// The terms behind what this member knows to be committed, which is the same everywhere.
  private static func uncommitted(_ summary: LogSummary) -> [Recovery.TermRun] {
    summary.runs.indices.compactMap { place in
      let end: UInt64 = place + 1 < summary.runs.count ? summary.runs[place + 1].first - 1 : summary.last.index
      guard end > summary.commit else { return nil }
      return Recovery.TermRun(term: summary.runs[place].term, first: max(summary.runs[place].first, summary.commit + 1))
    }
  }

  /// Another survivor: keeps its log, and listens to nobody but the new cluster from now on.
  static func follow(_ epoch: UInt64, mark: UInt64, _ disk: any Disk) throws {
    try disk.lock()
    defer { disk.unlock() }
    var record: EpochRecord = try EpochRecord.read(disk)
    guard record.epoch < epoch else {
      throw StoreError(.refused, "this member is of epoch \(record.epoch) already: look again at what there is to recover")
    }
    (record.epoch, record.mark) = (epoch, mark)
    try record.write(disk)
  }
}
