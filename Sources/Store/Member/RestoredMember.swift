import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// What a member's folder gave back.
struct RestoredMember: Sendable {
  var journal: Journal
  var keyspace: Keyspace
  var state: RestoredState
  var epoch: EpochRecord

  /// Reads the folder, on a thread that may block. Throws `.cannotOpen` (locked, damaged, full: the cause says it) or `.damaged`.
  static func open(_ configuration: StoreConfiguration, _ disk: any Disk, _ metrics: StoreMetrics, _ logger: Logger) throws
    -> RestoredMember
  {
    do { try Rejoining.finish(disk) } catch {
      throw StoreError(.cannotOpen, "the folder \(configuration.directory) cannot be opened", cause: error)
    }
    var journalConfiguration = JournalConfiguration(seed: configuration.seed)
    journalConfiguration.segmentBytes = configuration.journalSegmentBytes
    var (core, contents): (JournalCore, JournalContents)
    do throws(JournalError) { (core, contents) = try JournalCore.open(disk, journalConfiguration) } catch {
      throw StoreError(.cannotOpen, "the journal of \(configuration.directory) cannot be opened", cause: error)
    }
    for remark in contents.remarks { logger.warning("journal", metadata: ["remark": "\(remark)"]) }
    do {
      let keyspace: Keyspace = try contents.snapshot.map { try read($0, core) } ?? Keyspace()
      let state: RestoredState = try state(contents)
      let epoch: EpochRecord = try EpochRecord.read(disk)
      logger.info(
        "member restored",
        metadata: ["snapshot": "\(state.snapshot?.index ?? 0)", "entries": "\(state.entries.count)", "term": "\(state.hardState.term)"])
      let journal = Journal(core) { sync in metrics.walSync.recordNanoseconds(sync.nanoseconds) }
      return RestoredMember(journal: journal, keyspace: keyspace, state: state, epoch: epoch)
    } catch {
      core.close()
      throw StoreError(.damaged, "what \(configuration.directory) holds cannot be read: restore this member from its peers", cause: error)
    }
  }

  static func state(_ contents: JournalContents) throws -> RestoredState {
    RestoredState(
      hardState: try contents.hardState.map { try HardState.decode($0) } ?? HardState(),
      snapshot: try contents.snapshot.map { try SnapshotMetadata.decode($0.metadata) }, entries: try contents.entries.map(entry))
  }

  static func read(_ info: SnapshotInfo, _ core: JournalCore) throws -> Keyspace {
    var decoder = SnapshotDecoder()
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

  private static func entry(_ entry: JournalEntry) throws -> Entry {
    guard let kind = Entry.Kind(rawValue: entry.kind) else {
      throw StoreError(.damaged, "entry \(entry.index) is of unknown kind \(entry.kind): it was written by a newer version")
    }
    return Entry(index: entry.index, term: entry.term, kind: kind, payload: entry.payload)
  }
}
