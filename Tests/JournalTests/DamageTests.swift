import Journal
import Primitives
import Testing

@Suite struct DamageTests {
  /// Closed in order, or ended by a power cut behind the last sync.
  private func journal(batches: UInt64, isClosed: Bool) throws -> SimulatedDisk {
    let disk = SimulatedDisk()
    var (core, _) = try JournalCore.open(disk, small(1, bytes: 64 * 1024))
    for index in 1...batches { try core.append([JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))])]) }
    if isClosed {
      core.close()
    } else {
      var random = SeededRandom(seed: 1)
      disk.crash(&random)
    }
    return disk
  }

  @Test func `damage in the middle is an error that says where, damage of the last batch is a torn tail`() throws {
    let name = "journal-0000000000000001"
    // Header sector, then ten batches of two sectors.
    for sector in 0...20 {
      let disk = try journal(batches: 10, isClosed: false)
      disk.flip(name, at: sector * 512 + 30)
      if sector < 19 {
        do {
          _ = try JournalCore.open(disk, small(2, bytes: 64 * 1024))
          Issue.record("damage in sector \(sector) went unseen")
        } catch {
          #expect(error.code == .corrupt)
          let place = sector == 0 ? 0 : 512 + (sector - 1) / 2 * 1024
          #expect(error.message.contains("\(name) is damaged at byte \(place)") && error.message.contains("restored from its peers"))
        }
        // Refused means unlocked again, too.
        #expect(code { _ = try JournalCore.open(disk, small(2, bytes: 64 * 1024)) } == .corrupt)
      } else {
        let (_, contents) = try JournalCore.open(disk, small(2, bytes: 64 * 1024))
        #expect(contents.entries.count == 9)
        if sector == 20 { #expect(contents.remarks.count == 1) }
      }
    }
  }

  @Test func `damage of the last batch is no torn tail where the journal was closed in order`() throws {
    for sector in 19...20 {
      let disk = try journal(batches: 10, isClosed: true)
      disk.flip("journal-0000000000000001", at: sector * 512 + 30)
      #expect(code { _ = try JournalCore.open(disk, small(2, bytes: 64 * 1024)) } == .corrupt)
    }
  }

  /// A folder of version 1 of the segments: a header without the word whether the log starts anew there.
  @Test(arguments: [false, true])
  func `a folder of another version is left as it is, and the sentence says what to do`(_ hasPeers: Bool) throws {
    let name = "journal-0000000000000001"
    let disk = try journal(batches: 3, isClosed: true)
    let file = try disk.open(name, create: false)
    var writer = ByteWriter()
    writer.raw(Bytes("TRICJRNL"))
    writer.fixed32(1)
    for value: UInt64 in [1, 77, 1] { writer.fixed64(value) }
    writer.fixed32(0)
    writer.fixed32(CRC32C.checksum(writer.bytes))
    try file.write(writer.bytes + Bytes(repeating: 0, count: 512 - writer.bytes.count), at: 0)
    try file.sync()
    let before = try disk.open(name, create: false).read(at: 0, count: 4096)
    var configuration = small(2, bytes: 64 * 1024)
    configuration.repairs = hasPeers
    do {
      _ = try JournalCore.open(disk, configuration)
      Issue.record("segments of version 1 were opened")
    } catch {
      #expect(error.code == .otherVersion)
      #expect(error.message.contains("segments of version 1") && error.message.contains("tricenter store snapshot save"))
    }
    #expect(try disk.open(name, create: false).read(at: 0, count: 4096) == before)
    #expect(try disk.list().contains(name))
    // A version that the disk has damaged is damage, and no other version.
    let ours = try journal(batches: 3, isClosed: true)
    ours.flip(name, at: 8)
    #expect(code { _ = try JournalCore.open(ours, small(2, bytes: 64 * 1024)) } == .corrupt)
  }

  @Test func `a missing segment is an error`() throws {
    let disk = SimulatedDisk()
    var (core, _) = try JournalCore.open(disk, small(1))
    for index in 1...100 as ClosedRange<UInt64> {
      try core.append([JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))])])
    }
    core.close()
    try disk.remove("journal-0000000000000003")
    #expect(code { _ = try JournalCore.open(disk, small(1)) } == .corrupt)
  }

  @Test func `a log whose snapshot is gone is an error`() throws {
    let disk = SimulatedDisk()
    var (core, _) = try JournalCore.open(disk, small(1))
    let writer = try core.beginSnapshot(index: 10, term: 1, metadata: [])
    try core.finish(writer)
    try core.append([JournalBatch(startBehind: LogPlace(index: 10, term: 1), entries: [entry(11, 1)])])
    core.close()
    try disk.remove("snapshot-000000000000000a-0000000000000001")
    #expect(code { _ = try JournalCore.open(disk, small(1)) } == .corrupt)
  }

  /// One seed is one life with many crashes; after each, everything that was acknowledged is there and nothing that was never written.
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `nothing acknowledged is missing after crashes with torn writes`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let disk = SimulatedDisk()
    var log: [JournalEntry] = []
    var snapshot: UInt64 = 0
    var state: Bytes?
    var term: UInt64 = 1
    var (core, _) = try JournalCore.open(disk, small(seed))
    for _ in 0..<12 {
      var faults = SimulatedDisk.Faults()
      faults.operationsLeft = Int.random(in: 0..<120, using: &random)
      disk.faults = faults
      var trying: (entries: [JournalEntry], state: Bytes?) = ([], nil)
      var tryingSnapshot: UInt64 = 0
      do {
        while true {
          term += UInt64.random(in: 0...1, using: &random)
          trying = ([], nil)
          if Int.random(in: 0..<8, using: &random) == 0, let last = log.last, last.index > snapshot {
            tryingSnapshot = UInt64.random(in: snapshot + 1...last.index, using: &random)
            let covered = log[Int(tryingSnapshot - log[0].index)]
            var writer = try core.beginSnapshot(index: tryingSnapshot, term: covered.term, metadata: Bytes("m"))
            for _ in 0..<Int.random(in: 0..<4, using: &random) { try writer.append(Bytes(repeating: 7, count: 1000)) }
            try core.finish(writer)
            snapshot = tryingSnapshot
            continue
          }
          let last = log.last?.index ?? 0
          // Committed entries (here: those a snapshot covers) are never overwritten.
          let from = max(snapshot + 1, last + 1 - min(last, UInt64.random(in: 0..<10, using: &random) == 0 ? 3 : 0))
          let count = UInt64.random(in: 1...8, using: &random)
          trying.entries = (from..<from + count).map {
            entry($0, term, String(repeating: "e", count: Int.random(in: 0..<900, using: &random)))
          }
          trying.state = Bool.random(using: &random) ? Bytes("t\(term)") : nil
          let cut = Int.random(in: 0...trying.entries.count, using: &random)
          try core.append([
            JournalBatch(entries: Array(trying.entries[..<cut])),
            JournalBatch(entries: Array(trying.entries[cut...]), hardState: trying.state),
          ])
          log = Self.appended(trying.entries, to: log)
          state = trying.state ?? state
          if core.wantsPreparation { _ = try core.prepareStep() }
        }
      } catch {
        #expect(error.code == .io)
      }
      disk.crash(&random)
      let contents: JournalContents
      (core, contents) = try JournalCore.open(disk, small(random.next()))
      let covered = contents.snapshot?.index ?? 0
      #expect(covered == snapshot || covered == tryingSnapshot)
      #expect(covered >= snapshot)
      // What the last, unacknowledged append left behind: none, some or all of it.
      let possible = (0...trying.entries.count).map { Self.appended(Array(trying.entries[..<$0]), to: log) }
      let found = possible.first { $0.filter { $0.index > covered } == contents.entries }
      #expect(found != nil, "seed \(seed): acknowledged \(log.map(\.index)), found \(contents.entries.map(\.index)) behind \(covered)")
      #expect(contents.hardState == state || contents.hardState == trying.state)
      log = found ?? []
      snapshot = covered
      state = contents.hardState
    }
  }

  private static func appended(_ entries: [JournalEntry], to log: [JournalEntry]) -> [JournalEntry] {
    guard let first = entries.first else { return log }
    return log.filter { $0.index < first.index } + entries
  }
}
