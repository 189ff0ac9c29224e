import Consensus
import Journal
import Keyspace
import Primitives

extension Store {
  /// Fills a new member's folder with a keyspace from a snapshot file: the member starts there as if it had applied everything itself, in a
  /// cluster of its own. Every member of a new cluster is given the same keyspace and the same list of members, as with etcd's
  /// `snapshot restore`. The folder says from then on which cluster that is and who is in it (`StoreConfiguration.remembered`), so that
  /// no member of the cluster before is taken for one of this. Blocks on the disk.
  /// - Throws: `StoreError` `.invalidConfiguration`, `.cannotOpen` (the cause says why), `.wrongState` where the folder holds a
  ///   member already.
  public static func restore(_ keyspace: Keyspace, configuration: StoreConfiguration, disk: (any Disk)? = nil) throws {
    try configuration.check()
    if disk == nil, let holds: String = heldBy(configuration.directory) {
      throw StoreError(.wrongState, "\(configuration.directory) is not empty (\(holds)): restore into a folder that is empty or new")
    }
    let index: UInt64 = max(1, keyspace.appliedIndex)
    let term: UInt64 = 1
    var journalConfiguration = JournalConfiguration(seed: configuration.seed)
    journalConfiguration.segmentBytes = configuration.journalSegmentBytes
    if disk == nil {
      try IdentityFile(configuration.directory).write(
        StoreConfiguration.introduction(clusterID: configuration.clusterID, configuration.members.map(\.record)))
    }
    do {
      var (core, contents): (JournalCore, JournalContents) = try JournalCore.open(
        disk ?? PosixDisk(configuration.directory), journalConfiguration)
      defer { core.close() }
      guard contents.snapshot == nil, contents.entries.isEmpty, contents.hardState == nil else {
        throw StoreError(.wrongState, "\(configuration.directory) holds a member already: restore into a folder that is empty or new")
      }
      let metadata = SnapshotMetadata(
        index: index, term: term,
        membership: Membership(
          voters: configuration.members.filter { $0.role == .voter }.map(\.id),
          learners: configuration.members.filter { $0.role == .learner }.map(\.id)))
      var bytes: Bytes = []
      metadata.encode(into: &bytes)
      var writer: SnapshotWriter = try core.beginSnapshot(index: index, term: term, metadata: bytes)
      var encoder = SnapshotEncoder(keyspace)
      while let frame: Bytes = try encoder.next() { try writer.append(frame) }
      try core.finish(writer)
      var state: Bytes = []
      HardState(term: term, commit: index).encode(into: &state)
      try core.append([JournalBatch(startBehind: LogPlace(index: index, term: term), hardState: state)])
    } catch let error as JournalError {
      throw StoreError(.cannotOpen, "the journal of \(configuration.directory) cannot be written", cause: error)
    }
  }

  /// The first file in a folder; nil: it is empty or not there.
  private static func heldBy(_ folder: String) -> String? {
    (try? PosixDisk(folder).list())?.sorted().first { $0 != "." && $0 != ".." && $0 != "LOCK" }
  }
}
