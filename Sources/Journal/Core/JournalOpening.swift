import Primitives

/// Reads a folder back.
struct JournalOpening {
  private let disk: any Disk
  private let configuration: JournalConfiguration
  private var contents = JournalContents()
  private var log: [JournalEntry] = []

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
    var random = SeededRandom(seed: configuration.seed)
    var core: JournalCore = try numbers.isEmpty ? create(&random) : read(numbers, &random)
    core.lastSpare = names.compactMap { $0.hasPrefix("spare-") ? Int($0.dropFirst(6)) : nil }.max() ?? 0
    for name in names where name.hasPrefix("spare-") { try adopt(name, &core) }
    try chooseSnapshot(names, &core)
    core.hardState = contents.hardState
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

  private func create(_ random: inout SeededRandom) throws(JournalError) -> JournalCore {
    let header = SegmentHeader(number: 1, stamp: random.next(), firstBatch: 1, chain: 0)
    let file: any DiskFile = try disk.open("preparing", create: true)
    var zeroed: Int = 0
    while zeroed < configuration.segmentBytes {
      let count: Int = min(JournalLimits.zeroStepBytes, configuration.segmentBytes - zeroed)
      try file.write(Bytes(repeating: 0, count: count), at: zeroed)
      zeroed += count
    }
    try file.write(header.encode(), at: 0)
    try file.sync()
    try disk.rename("preparing", to: SegmentHeader.name(1))
    try disk.syncDirectory()
    return JournalCore(
      disk: disk, configuration: configuration, random: random, segments: [.init(number: 1, maxIndex: 0)], active: file, header: header,
      end: SegmentHeader.bytes, nextBatch: 1, chain: 0)
  }

  private mutating func read(_ numbers: [UInt64], _ random: inout SeededRandom) throws(JournalError) -> JournalCore {
    var segments: [JournalCore.Segment] = []
    var last: SegmentReader.Result?
    var active: (any DiskFile)?
    for (place, number) in numbers.enumerated() {
      let name: String = SegmentHeader.name(number)
      let file: any DiskFile = try disk.open(name, create: false)
      let result: SegmentReader.Result = try SegmentReader.read(
        file, folder: disk.path, number: number, isLast: place == numbers.count - 1)
      if let last, last.nextBatch != result.header.firstBatch || last.chain != result.header.chain {
        throw JournalError(
          .corrupt,
          "\(disk.path)/\(SegmentHeader.name(numbers[place - 1])) is damaged at byte \(last.end): it ends with batch \(last.nextBatch - 1), "
            + "and \(name) begins with batch \(result.header.firstBatch). "
            + "This member must not vote with it: move its folder away and let it be restored from its peers")
      }
      var segment = JournalCore.Segment(number: number, maxIndex: 0)
      for record in result.records { try replay(record, &segment, name) }
      if result.isTorn {
        contents.remarks.append("\(name): a batch at byte \(result.end) was being written when the member stopped; it was cut")
      }
      segments.append(segment)
      active?.close()
      active = file
      last = result
      random = SeededRandom(seed: random.next() ^ result.header.stamp)
    }
    guard let active, let last else { preconditionFailure("reading no segments") }
    return JournalCore(
      disk: disk, configuration: configuration, random: random, segments: segments, active: active, header: last.header, end: last.end,
      nextBatch: last.nextBatch, chain: last.chain)
  }

  private mutating func replay(_ record: JournalRecord, _ segment: inout JournalCore.Segment, _ name: String) throws(JournalError) {
    switch record {
    case .hardState(let bytes): contents.hardState = bytes
    case .startBehind(let place):
      log = []
      segment.maxIndex = max(segment.maxIndex, place.index)
    case .entry(let entry):
      segment.maxIndex = max(segment.maxIndex, entry.index)
      if let first: UInt64 = log.first?.index, let last: UInt64 = log.last?.index {
        guard entry.index <= last + 1 else {
          throw JournalError(
            .corrupt, "\(disk.path)/\(name): entry \(entry.index) follows entry \(last). Restore this member from its peers")
        }
        if entry.index <= first { log = [] } else if entry.index <= last { log.removeLast(Int(last - entry.index + 1)) }
      }
      log.append(entry)
    }
  }

  private mutating func chooseSnapshot(_ names: [String], _ core: inout JournalCore) throws(JournalError) {
    var found: [SnapshotInfo] = []
    for name in names.filter({ $0.hasPrefix("snapshot-") && !$0.hasSuffix(".partial") }).sorted(by: >) {
      do throws(JournalError) { found.append(try SnapshotFile.check(disk, name)) } catch {
        guard error.code == .corrupt else { throw error }
        contents.remarks.append("\(error.message)")
      }
    }
    core.snapshots = found
    contents.snapshot = found.first
    let damaged: String = contents.remarks.joined(separator: "; ")
    guard let snapshot: SnapshotInfo = found.first else {
      if let first: UInt64 = log.first?.index, first > 1 {
        throw JournalError(
          .corrupt,
          "\(disk.path): the log begins at entry \(first) and there is no whole snapshot before it. \(damaged) Restore this member from its peers"
        )
      }
      contents.entries = log
      return
    }
    // The log may end before the snapshot, or contradict it: the snapshot came from the leader, and the member stopped before the log was
    // told.
    guard let first: UInt64 = log.first?.index, let last: UInt64 = log.last?.index, last > snapshot.index else { return }
    guard first <= snapshot.index + 1 else {
      throw JournalError(
        .corrupt,
        "\(disk.path): the log begins at entry \(first), the newest whole snapshot ends at \(snapshot.index). \(damaged) Restore this member from its peers"
      )
    }
    if first <= snapshot.index, log[Int(snapshot.index - first)].term != snapshot.term { return }
    contents.entries = Array(log[Int(snapshot.index + 1 - first)...])
  }
}
