import Primitives

/// Reads a folder back, or makes it; begins a repair where the log is damaged and there are peers.
struct JournalOpening {
  private let disk: any Disk
  private let configuration: JournalConfiguration
  private var contents = JournalContents()

  init(_ disk: any Disk, _ configuration: JournalConfiguration) {
    self.disk = disk
    self.configuration = configuration
  }

  func run() throws(JournalError) -> (JournalCore, JournalContents) {
    var copy: JournalOpening = self
    return try copy.open()
  }

  private mutating func open() throws(JournalError) -> (JournalCore, JournalContents) {
    let names: [String] = try disk.list()
    for name in names where name == "preparing" || name.hasSuffix(".partial") { try disk.remove(name) }
    let numbers: [UInt64] = names.compactMap { SegmentHeader.number(ofName: $0) }.sorted()
    var (marksFile, marks): (MarksFile, Marks?) = try MarksFile.open(disk, names)
    var random = SeededRandom(seed: configuration.seed)

    var core: JournalCore
    if numbers.isEmpty {
      // Before there is anything that they could be missing for.
      try marksFile.write(batch: 0, hardState: nil, sync: true)
      core = try create(number: 1, firstBatch: 1, [], &random, marksFile)
    } else {
      let reading = try LogReading(disk, numbers, marks)
      random = SeededRandom(seed: random.next() ^ reading.stamps)
      contents.remarks = reading.remarks
      let snapshots: [SnapshotInfo] = try wholeSnapshots(names)
      var damage: JournalError? = reading.damage
      choose(snapshots, reading.log, &damage)
      if let damage {
        core = try beginRepair(damage, reading, marks, numbers, &random, marksFile)
      } else {
        core = try goOn(reading, random, &marksFile, marks)
        for number in reading.forgotten { try disk.remove(SegmentHeader.name(number)) }
        if !contents.isRepairing { for name in names where name.hasPrefix("damaged-") { try disk.remove(name) } }
      }
      core.snapshots = snapshots
    }
    // Names that are seen need not be durable, either.
    do throws(JournalError) { try disk.syncDirectory() } catch { throw error.asFailedSync }
    core.lastSpare = names.compactMap { $0.hasPrefix("spare-") ? Int($0.dropFirst(6)) : nil }.max() ?? 0
    for name in names where name.hasPrefix("spare-") { try adopt(name, &core) }
    core.givenState = core.hardState
    contents.hardState = core.hardState
    contents.promise = core.marks.marks.hardState.isEmpty ? nil : core.marks.marks.hardState
    core.lastIndex = contents.entries.last?.index ?? contents.snapshot?.index
    return (core, contents)
  }

  /// A spare of another size (the configuration changed, or the preparation was cut short) is of no use.
  private func adopt(_ name: String, _ core: inout JournalCore) throws(JournalError) {
    let file: any DiskFile = try disk.open(name, create: false)
    defer { file.close() }
    if try file.size() == configuration.segmentBytes, core.spares.count < JournalLimits.spareSegments {
      core.spares.append(name)
    } else {
      try disk.remove(name)
    }
  }

  /// A segment that owes nothing to any before it; `records` are in it when it gets its name.
  private func create(
    number: UInt64, firstBatch: UInt64, _ records: Bytes, _ random: inout SeededRandom, _ marks: MarksFile
  ) throws(JournalError) -> JournalCore {
    let header = SegmentHeader(number: number, stamp: random.next(), firstBatch: firstBatch, chain: 0, startsAnew: true)
    let file: any DiskFile = try disk.open("preparing", create: true)
    var zeroed: Int = 0
    while zeroed < configuration.segmentBytes {
      let count: Int = min(JournalLimits.zeroStepBytes, configuration.segmentBytes - zeroed)
      try file.write(Bytes(repeating: 0, count: count), at: zeroed)
      zeroed += count
    }
    try file.write(header.encode(), at: 0)
    var core = JournalCore(
      disk: disk, configuration: configuration, random: random, marks: marks, segments: [.init(number: number, maxIndex: 0)], active: file,
      header: header, end: SegmentHeader.bytes, nextBatch: firstBatch, chain: 0)
    if !records.isEmpty {
      let checksum: UInt32 = Checksum.crc32c(records, seed: 0)
      let batch = BatchHeader(stamp: header.stamp, number: firstBatch, length: records.count, checksum: checksum)
      try file.write(batch.encode() + records, at: core.end)
      core.end += BatchHeader.space(records.count)
      core.nextBatch += 1
      core.chain = checksum
    }
    do throws(JournalError) { try file.sync() } catch { throw error.asFailedSync }
    try disk.rename("preparing", to: SegmentHeader.name(number))
    try disk.syncDirectory()
    return core
  }

  private mutating func goOn(
    _ reading: LogReading, _ random: SeededRandom, _ marksFile: inout MarksFile, _ marks: Marks?
  ) throws(JournalError) -> JournalCore {
    guard let active = reading.active, let last = reading.last else { preconditionFailure("reading no segments") }
    try reading.makeDurable()
    contents.isRepairing = reading.isRepairing
    if marks == nil { contents.remarks.append("\(Marks.name) could not be read and is written anew; the log is whole") }
    // What was read of the marks may be in the cache only, as well. And the process may have stopped between the log and the marks: the
    // member goes by the promise from here on, so it stands in both places.
    try marksFile.write(batch: last.nextBatch - 1, hardState: reading.hardState, sync: true)
    return JournalCore(
      disk: disk, configuration: configuration, random: random, marks: marksFile, segments: reading.segments, active: active,
      header: last.header, end: last.end, nextBatch: last.nextBatch, chain: last.chain, hardState: reading.hardState)
  }

  /// The log starts anew with what is whole, and says that it is being repaired in the very batch that it starts with: before that
  /// segment has
  /// its name, the next opening finds the damage again; afterwards it reads that the repair is not over.
  private mutating func beginRepair(
    _ damage: JournalError, _ reading: LogReading, _ marks: Marks?, _ numbers: [UInt64], _ random: inout SeededRandom,
    _ marksFile: MarksFile
  ) throws(JournalError) -> JournalCore {
    reading.active?.close()
    guard configuration.repairs else { throw damage }
    guard let marks else {
      throw JournalError(
        .corrupt,
        "\(damage.message) And \(disk.path)/\(Marks.name) cannot be read, so its vote may be lost, too: remove this member from the cluster "
          + "(etcdctl member remove), empty its folder, add it anew", cause: damage)
    }
    var writer = ByteWriter()
    JournalRecord.repair(true).encode(to: &writer)
    if !marks.hardState.isEmpty { JournalRecord.hardState(marks.hardState).encode(to: &writer) }
    if let snapshot: SnapshotInfo = contents.snapshot {
      JournalRecord.startBehind(LogPlace(index: snapshot.index, term: snapshot.term)).encode(to: &writer)
    }
    let number: UInt64 = (numbers.last ?? 0) + 1
    let firstBatch: UInt64 = max(marks.batch, reading.last?.nextBatch ?? 0) + 1
    var core: JournalCore = try create(number: number, firstBatch: firstBatch, writer.take(), &random, marksFile)
    core.hardState = marks.hardState.isEmpty ? nil : marks.hardState
    core.givenState = core.hardState
    core.lastIndex = contents.snapshot?.index
    core.segments[0].maxIndex = contents.snapshot?.index ?? 0
    for old in numbers {
      // One damaged segment is kept for who wants to know what happened, until the repair is over.
      if old == reading.segments.last?.number {
        try disk.rename(SegmentHeader.name(old), to: "damaged-\(old)")
      } else {
        try disk.remove(SegmentHeader.name(old))
      }
    }
    if !contents.entries.isEmpty { try core.append([JournalBatch(entries: contents.entries)]) }
    contents.isRepairing = true
    contents.remarks.append(
      "\(damage.message). Kept: snapshot \(contents.snapshot?.index ?? 0) and \(contents.entries.count) entries behind it")
    return core
  }

  private mutating func wholeSnapshots(_ names: [String]) throws(JournalError) -> [SnapshotInfo] {
    var found: [SnapshotInfo] = []
    for name in names.filter({ $0.hasPrefix("snapshot-") && !$0.hasSuffix(".partial") }).sorted(by: >) {
      do throws(JournalError) { found.append(try SnapshotFile.check(disk, name)) } catch {
        guard error.code == .corrupt || error.code == .io else { throw error }
        contents.remarks.append(error.message)
        // It would be chosen again at each start, and kept instead of a whole one.
        try disk.rename(name, to: "damaged-\(name)")
      }
    }
    return found
  }

  /// The newest snapshot and what the log has behind it. A log that does not reach back to any whole snapshot is damaged.
  private mutating func choose(_ snapshots: [SnapshotInfo], _ log: [JournalEntry], _ damage: inout JournalError?) {
    contents.snapshot = snapshots.first
    let remarks: String = contents.remarks.joined(separator: "; ")
    guard let snapshot: SnapshotInfo = snapshots.first else {
      if let first: UInt64 = log.first?.index, first > 1 {
        damage =
          damage
          ?? JournalError(
            .corrupt, "\(disk.path): the log begins at entry \(first) and there is no whole snapshot before it. \(remarks)")
      } else {
        contents.entries = log
      }
      return
    }
    // The log may end before the snapshot, or contradict it: the snapshot came from the leader, and the member stopped before the log was
    // told.
    guard let first: UInt64 = log.first?.index, let last: UInt64 = log.last?.index, last > snapshot.index else { return }
    guard first <= snapshot.index + 1 else {
      damage =
        damage
        ?? JournalError(
          .corrupt, "\(disk.path): the log begins at entry \(first), the newest whole snapshot ends at \(snapshot.index). \(remarks)")
      return
    }
    if first <= snapshot.index, log[Int(snapshot.index - first)].term != snapshot.term { return }
    contents.entries = Array(log[Int(snapshot.index + 1 - first)...])
  }
}
