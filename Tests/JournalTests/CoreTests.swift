import Journal
import Primitives
import Testing

@Suite struct CoreTests {
  @Test func `what was appended comes back, over many segments`() throws {
    let disk = SimulatedDisk()
    var (core, contents) = try JournalCore.open(disk, small(1))
    #expect(contents.entries.isEmpty && contents.hardState == nil && contents.snapshot == nil)
    for index in 1...300 as ClosedRange<UInt64> {
      try core.append([
        JournalBatch(entries: [entry(index, 1, String(repeating: "x", count: 300))], hardState: index % 50 == 0 ? [UInt8(index / 50)] : nil)
      ])
    }
    core.close()
    (core, contents) = try JournalCore.open(disk, small(2))
    #expect(contents.entries.map(\.index) == Array(1...300) && contents.hardState == [6] && contents.remarks.isEmpty)
    #expect(contents.entries.allSatisfy { $0.payload.count == 300 })
    #expect(try disk.list().filter { $0.hasPrefix("journal-") }.count > 5)
  }

  @Test func `a conflicting suffix is replaced`() throws {
    let disk = SimulatedDisk()
    var (core, contents) = try JournalCore.open(disk, small(1))
    try core.append([JournalBatch(entries: (1...10).map { entry($0, 1) })])
    try core.append([JournalBatch(entries: (6...8).map { entry($0, 2) })])
    try core.append([JournalBatch(entries: [entry(9, 3)]), JournalBatch(entries: [entry(9, 4), entry(10, 4)])])
    core.close()
    (_, contents) = try JournalCore.open(disk, small(1))
    #expect(contents.entries.map(\.term) == [1, 1, 1, 1, 1, 2, 2, 2, 4, 4])
  }

  @Test func `several batches cost one sync`() throws {
    let disk = SimulatedDisk()
    var (core, _) = try JournalCore.open(disk, small(1, bytes: 1 << 20))
    let before = disk.syncCount
    try core.append((1...500).map { JournalBatch(entries: [entry($0, 1)]) })
    #expect(disk.syncCount - before == 1)
  }

  @Test func `a second opener is refused, also in another process' place`() throws {
    let folder = TemporaryFolder()
    var (core, _) = try JournalCore.open(PosixDisk(folder.path), small(1))
    #expect(code { _ = try JournalCore.open(PosixDisk(folder.path), small(1)) } == .locked)
    core.close()
    var (again, _) = try JournalCore.open(PosixDisk(folder.path), small(1))
    again.close()
  }

  @Test func `snapshots let segments go, and the log goes back to the older of two`() throws {
    let disk = SimulatedDisk()
    var (core, contents) = try JournalCore.open(disk, small(1))
    var last: UInt64 = 0
    func append(_ core: inout JournalCore, _ count: UInt64) throws {
      for index in (last + 1)...(last + count) { try core.append([JournalBatch(entries: [entry(index, 1)], hardState: [9])]) }
      last += count
    }
    func snapshot(_ core: inout JournalCore, _ index: UInt64) throws {
      var writer = try core.beginSnapshot(index: index, term: 1, metadata: Bytes("m\(index)"))
      for piece in 0..<5 { try writer.append(Bytes("piece \(piece) of \(index)")) }
      try core.finish(writer)
    }
    for round in 1...10 as ClosedRange<UInt64> {
      try append(&core, 100)
      try snapshot(&core, round * 100 - 10)
    }
    let names = try disk.list()
    #expect(names.filter { $0.hasPrefix("snapshot-") }.count == 2)
    #expect(names.filter { $0.hasPrefix("journal-") || $0.hasPrefix("spare-") }.count < 12)
    core.close()
    (core, contents) = try JournalCore.open(disk, small(3))
    let newest = try #require(contents.snapshot)
    #expect(newest.index == 990 && newest.term == 1 && newest.metadata == Bytes("m990"))
    #expect(contents.entries.map(\.index) == Array(991...1000) && contents.hardState == [9])
    var body: [String] = []
    try core.readSnapshot(newest) { body.append($0.text) }
    #expect(body.count == 5 && body[4] == "piece 4 of 990")
    core.close()

    disk.flip(names.filter { $0.hasPrefix("snapshot-") }.max()!, at: 60)
    (core, contents) = try JournalCore.open(disk, small(4))
    #expect(contents.snapshot?.index == 890 && contents.entries.map(\.index) == Array(891...1000))
    #expect(contents.remarks.contains { $0.contains("is damaged at byte") })
  }

  @Test func `a snapshot from the leader starts the log anew, told to the log or not`() throws {
    for told in [true, false] {
      let disk = SimulatedDisk()
      var (core, contents) = try JournalCore.open(disk, small(1))
      try core.append([JournalBatch(entries: (1...20).map { entry($0, 1) })])
      let writer = try core.beginSnapshot(index: 15, term: 3, metadata: [])
      try core.finish(writer)
      if told {
        try core.append([JournalBatch(startBehind: LogPlace(index: 15, term: 3), entries: [entry(16, 3)])])
      }
      core.close()
      (core, contents) = try JournalCore.open(disk, small(1))
      #expect(contents.snapshot?.index == 15)
      #expect(contents.entries == (told ? [entry(16, 3)] : []))
      try core.append([JournalBatch(startBehind: LogPlace(index: 15, term: 3), entries: [entry(16, 4), entry(17, 4)])])
      core.close()
      (core, contents) = try JournalCore.open(disk, small(1))
      #expect(contents.entries.map(\.term) == [4, 4])
    }
  }

  @Test func `a full disk is told by name, and what was given is written once there is space`() throws {
    let disk = SimulatedDisk()
    var (core, _) = try JournalCore.open(disk, small(1))
    try core.append([JournalBatch(entries: [entry(1, 1)])])
    var faults = SimulatedDisk.Faults()
    faults.operationsLeft = 0
    faults.failure = .noSpace
    disk.faults = faults
    #expect(code { try core.append([JournalBatch(entries: [entry(2, 1)])]) } == .noSpace)
    #expect(code { try core.append([JournalBatch(entries: [entry(3, 1)])]) } == .noSpace)
    disk.faults = SimulatedDisk.Faults()
    try core.append([JournalBatch(entries: [entry(4, 1)])])
    core.close()
    let (_, contents) = try JournalCore.open(disk, small(2))
    #expect(contents.entries.map(\.index) == [1, 2, 3, 4])
  }

  @Test func `an entry larger than a segment is refused`() throws {
    var (core, _) = try JournalCore.open(SimulatedDisk(), small(1))
    #expect(code { try core.append([JournalBatch(entries: [entry(1, 1, String(repeating: "x", count: 20_000))])]) } == .tooLarge)
  }
}
