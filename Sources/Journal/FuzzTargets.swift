import Primitives

extension FuzzTarget {
  /// Files that a disk gives back, damaged in any way: opening says what is wrong or gives what was written.
  public static var journal: [FuzzTarget] { [records, segments, snapshotFiles] }

  private static let examples: [JournalRecord] = [
    .entry(JournalEntry(index: 5, term: 2, kind: 1, payload: Bytes("payload"))), .hardState([1, 2, 3]),
    .startBehind(LogPlace(index: 4, term: 2)), .entry(JournalEntry(index: 6, term: 2, payload: [])), .repair(true), .repair(false),
  ]

  private static func written(_ records: [JournalRecord]) -> Bytes {
    var writer = ByteWriter()
    for record in records { record.encode(to: &writer) }
    return writer.take()
  }

  private static var records: FuzzTarget {
    FuzzTarget("journal-records", corpus: [written(examples)] + examples.map { written([$0]) }) { input throws(FuzzFinding) in
      guard let records: [JournalRecord] = try? JournalRecord.decode(input) else { return false }
      guard written(records) == input else { throw FuzzFinding("what was taken is written in another way") }
      return true
    }
  }

  private static var small: JournalConfiguration {
    var configuration = JournalConfiguration(seed: 1)
    configuration.segmentBytes = 16 * JournalLimits.alignment
    return configuration
  }

  /// The bytes of the first segment of a journal that was used for a while.
  private static var segments: FuzzTarget {
    let disk = SimulatedDisk()
    var bytes: Bytes = []
    if var core: JournalCore = try? JournalCore.open(disk, small).0 {
      for index in 1...4 {
        let entry = JournalEntry(index: UInt64(index), term: 1, payload: Bytes(repeating: UInt8(index), count: 40 * index))
        try? core.append([JournalBatch(entries: [entry], hardState: [UInt8(index)])])
      }
      core.close()
      if let file: any DiskFile = try? disk.open(SegmentHeader.name(1), create: false) {
        bytes = (try? file.read(at: 0, count: (try? file.size()) ?? 0)) ?? []
      }
    }
    return .whole("journal-segments", corpus: [bytes]) { input in
      let disk = SimulatedDisk()
      let file: any DiskFile = try disk.open(SegmentHeader.name(1), create: true)
      try file.write(input, at: 0)
      let opened: (core: JournalCore, contents: JournalContents) = try JournalCore.open(disk, small)
      var core: JournalCore = opened.core
      // What opens can be written to.
      let next: UInt64 = (opened.contents.entries.last?.index ?? 0) &+ 1
      try core.append([JournalBatch(entries: [JournalEntry(index: next, term: 9, payload: [1])])])
    }
  }

  private static var snapshotFiles: FuzzTarget {
    let name: String = SnapshotFile.name(index: 9, term: 2)
    let disk = SimulatedDisk()
    var bytes: Bytes = []
    if var writer = try? SnapshotWriter(disk, index: 9, term: 2, metadata: Bytes("members")) {
      try? writer.append(Bytes(repeating: 7, count: 100))
      try? writer.append(Bytes(repeating: 8, count: 50))
      try? writer.end()
      try? disk.rename(writer.partial, to: name)
      if let file: any DiskFile = try? disk.open(name, create: false) {
        bytes = (try? file.read(at: 0, count: (try? file.size()) ?? 0)) ?? []
      }
    }
    return .whole("journal-snapshots", corpus: [bytes]) { input in
      let disk = SimulatedDisk()
      let file: any DiskFile = try disk.open(name, create: true)
      try file.write(input, at: 0)
      _ = try SnapshotFile.check(disk, name)
    }
  }
}
