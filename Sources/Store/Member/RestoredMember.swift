import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// What a member's folder gave back.
struct RestoredMember: Sendable {
  var journal: any MemberJournal
  var keyspace: Keyspace
  var state: RestoredState
  var epoch: EpochRecord
  var values: ValueFiles?
  /// Of the journal, when it was opened.
  var remarks: [String] = []

  /// Reads the folder, on a thread that may block. Throws `.cannotOpen` (locked, damaged, full: the cause says it) or `.damaged`.
  static func open(_ configuration: StoreConfiguration, _ disk: any Disk, _ metrics: StoreMetrics, _ logger: Logger) throws
    -> RestoredMember
  {
    try open(configuration, disk, logger) { core in
      Journal(core) { sync in
        metrics.walWrite.recordNanoseconds(sync.disk.writing)
        metrics.walSync.recordNanoseconds(sync.disk.syncing)
        metrics.walBytes.increment(by: sync.bytes)
      }
    }
  }

  /// - Parameter journal: runs the core from then on.
  static func open(
    _ configuration: StoreConfiguration, _ disk: any Disk, _ logger: Logger, _ journal: (JournalCore) -> any MemberJournal
  ) throws -> RestoredMember {
    do { try Rejoining.finish(disk) } catch {
      throw StoreError(.cannotOpen, "the folder \(configuration.directory) cannot be opened", cause: error)
    }
    var journalConfiguration = JournalConfiguration(seed: configuration.seed)
    journalConfiguration.segmentBytes = configuration.journalSegmentBytes
    journalConfiguration.repairs = configuration.members.count > 1
    var (core, contents): (JournalCore, JournalContents)
    do throws(JournalError) { (core, contents) = try JournalCore.open(disk, journalConfiguration) } catch {
      throw StoreError(.cannotOpen, "the journal of \(configuration.directory) cannot be opened", cause: error)
    }
    for remark in contents.remarks { logger.warning("journal", metadata: ["remark": "\(remark)"]) }
    do {
      // A disk that is no folder of this host (simulated ones) has no files for values, either.
      let values: ValueFiles? =
        disk is PosixDisk ? configuration.valueMemoryBytes.map { ValueFiles(directory: configuration.directory, memoryBytes: $0) } : nil
      let (keyspace, state): (Keyspace, RestoredState) = try read(core, contents, values)
      let epoch: EpochRecord = try EpochRecord.read(disk)
      if contents.isRepairing {
        logger.error("the log was damaged: this member is repaired from the leader, and neither votes nor serves before that is done")
      }
      logger.info(
        "member restored",
        metadata: ["snapshot": "\(state.snapshot?.index ?? 0)", "entries": "\(state.entries.count)", "term": "\(state.hardState.term)"])
      return RestoredMember(
        journal: journal(core), keyspace: keyspace, state: state, epoch: epoch, values: values, remarks: contents.remarks)
    } catch {
      core.close()
      throw StoreError(.damaged, "what \(configuration.directory) holds cannot be read: restore this member from its peers", cause: error)
    }
  }

  static func state(_ contents: JournalContents) throws -> RestoredState {
    var state = RestoredState(
      hardState: try hardState(contents), snapshot: try contents.snapshot.map { try SnapshotMetadata.decode($0.metadata) },
      entries: try contents.entries.map(entry))
    state.isRepairing = contents.isRepairing
    return state
  }

  static func read(_ core: JournalCore, _ contents: JournalContents, _ values: ValueFiles? = nil) throws -> (Keyspace, RestoredState) {
    (try contents.snapshot.map { try read($0, core, values) } ?? Keyspace(values: values), try state(contents))
  }

  static func read(_ info: SnapshotInfo, _ core: JournalCore, _ values: ValueFiles? = nil) throws -> Keyspace {
    var decoder = SnapshotDecoder(values: values)
    var failure: KeyspaceError?
    try core.readSnapshot(info) { chunk throws(JournalError) in
      guard failure == nil else { return }
      do throws(KeyspaceError) { try decoder.consume(chunk) } catch { failure = error }
    }
    if let failure { throw failure }
    var keyspace: Keyspace = try decoder.finish()
    keyspace.advance(to: info.index)
    return keyspace
  }

  /// The later of the two places: within a term a vote is given once, and the commit index alone promises nothing.
  private static func hardState(_ contents: JournalContents) throws -> HardState {
    let logged: HardState = try contents.hardState.map { try HardState.decode($0) } ?? HardState()
    guard let promise: HardState = try contents.promise.map({ try HardState.decode($0) }) else { return logged }
    if promise.term > logged.term || (promise.term == logged.term && logged.vote == nil) {
      return HardState(term: promise.term, vote: promise.vote, commit: max(promise.commit, logged.commit))
    }
    return logged
  }

  private static func entry(_ entry: JournalEntry) throws -> Entry {
    guard let kind = Entry.Kind(rawValue: entry.kind) else {
      throw StoreError(.damaged, "entry \(entry.index) is of unknown kind \(entry.kind): it was written by a newer version")
    }
    return Entry(index: entry.index, term: entry.term, kind: kind, payload: entry.payload)
  }
}
