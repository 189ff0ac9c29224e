import Journal
import Primitives
import Testing

@Suite struct RepairTests {
  private static let first: String = "journal-0000000000000001"

  private func repairing(_ seed: UInt64, bytes: Int = 64 * 1024) -> JournalConfiguration {
    var configuration: JournalConfiguration = small(seed, bytes: bytes)
    configuration.repairs = true
    return configuration
  }

  private func journal(_ disk: any Disk, entries: ClosedRange<UInt64>, bytes: Int = 64 * 1024) throws {
    var (core, _) = try JournalCore.open(disk, small(1, bytes: bytes))
    for index in entries {
      let state = Bytes("t\(index)")
      try core.append([
        JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))], hardState: state, isPromise: index % 3 == 0)
      ])
    }
    core.close()
  }

  @Test func `whatever sector is damaged: what is whole stays, the promise is known, and the repair lasts until it is said to be over`()
    throws
  {
    for sector in 0...20 {
      let disk = SimulatedDisk()
      try journal(disk, entries: 1...10)
      disk.flip(Self.first, at: sector * 512 + 30)
      #expect(code { _ = try JournalCore.open(disk, small(2, bytes: 64 * 1024)) } == .corrupt, "sector \(sector)")
      var (core, contents) = try JournalCore.open(disk, repairing(3))
      let kept = sector == 0 ? 0 : (sector - 1) / 2
      #expect(contents.isRepairing && contents.entries.map(\.index) == (0..<kept).map { UInt64($0) + 1 }, "sector \(sector)")
      #expect(contents.promise == Bytes("t9") && contents.hardState == Bytes("t9"))
      #expect(contents.remarks.contains { $0.contains("\(Self.first) is damaged at byte") })
      // The leader sends what is missing; the process stops before the end of it.
      try core.append([JournalBatch(entries: (UInt64(kept) + 1...12).map { entry($0, 2) }, hardState: Bytes("new"), isPromise: true)])
      core.close()
      (core, contents) = try JournalCore.open(disk, repairing(4))
      #expect(contents.isRepairing && contents.entries.count == 12 && contents.promise == Bytes("new"))
      try core.append([JournalBatch(isRepaired: true)])
      core.close()
      (core, contents) = try JournalCore.open(disk, small(5, bytes: 64 * 1024))
      #expect(!contents.isRepairing && contents.entries.count == 12 && contents.hardState == Bytes("new"))
      core.close()
    }
  }

  @Test func `a crash at any moment of a beginning repair forgets neither the damage nor the promise`() throws {
    for operations in 0...60 {
      var random = SeededRandom(seed: UInt64(operations) + 1)
      let disk = SimulatedDisk()
      try journal(disk, entries: 1...40, bytes: 16 * 1024)
      disk.flip("journal-0000000000000002", at: 600)
      disk.faults.operationsLeft = operations
      let began = code { _ = try JournalCore.open(disk, repairing(2, bytes: 16 * 1024)) } == nil
      disk.crash(&random)
      var (core, contents) = try JournalCore.open(disk, repairing(3, bytes: 16 * 1024))
      #expect(contents.isRepairing, "after \(operations) operations")
      #expect(contents.promise == Bytes("t39") && contents.entries.count < 40)
      core.close()
      if began { break }
    }
  }

  /// Found by the simulation: the promise that a member goes by after that stood in the log alone.
  @Test func `a promise that a crash kept out of the marks is in both places once the journal was opened again`() throws {
    var found: Bool = false
    for operations in 0...12 {
      var random = SeededRandom(seed: UInt64(operations) + 1)
      let disk = SimulatedDisk()
      try journal(disk, entries: 1...3)
      var (core, _) = try JournalCore.open(disk, repairing(2))
      disk.faults.operationsLeft = operations
      let isCut = code { try core.append([JournalBatch(entries: [entry(4, 2)], hardState: Bytes("vote"), isPromise: true)]) } != nil
      disk.crash(&random)
      let (again, contents) = try JournalCore.open(disk, repairing(3))
      core = again
      core.close()
      guard contents.hardState == Bytes("vote") else { continue }
      found = found || isCut
      #expect(contents.promise == Bytes("vote"), "after \(operations) operations")
      disk.flip(Self.first, at: 3 * 1024 + 600)
      (core, _) = try JournalCore.open(disk, repairing(4))
      core.close()
      let (_, repaired) = try JournalCore.open(disk, repairing(5))
      #expect(repaired.promise == Bytes("vote"), "after \(operations) operations")
    }
    #expect(found)
  }

  @Test func `with the log and the marks damaged at once the vote may be lost, so nothing is repaired in place`() throws {
    let disk = SimulatedDisk()
    try journal(disk, entries: 1...10)
    disk.flip(Self.first, at: 3000)
    disk.flip("marks", at: 20)
    disk.flip("marks", at: 4096 + 20)
    do {
      _ = try JournalCore.open(disk, repairing(2))
      Issue.record("opened")
    } catch {
      #expect(error.code == .corrupt && error.message.contains("member remove"))
    }
  }

  @Test func `the marks alone are written anew from a whole log`() throws {
    let disk = SimulatedDisk()
    try journal(disk, entries: 1...10)
    disk.flip("marks", at: 20)
    disk.flip("marks", at: 4096 + 20)
    var (core, contents) = try JournalCore.open(disk, small(2, bytes: 64 * 1024))
    #expect(contents.entries.count == 10 && contents.hardState == Bytes("t10") && contents.promise == Bytes("t10"))
    #expect(contents.remarks.count == 1)
    core.close()
  }

  @Test(arguments: [
    FaultingDisk.Fault.lostWrite, .misdirectedWrite(by: 4096), .misdirectedWrite(by: -1024), .flippedBit(at: 0), .flippedBit(at: 300),
  ])
  func `a write that went wrong unseen is found, in the middle and at the end`(fault: FaultingDisk.Fault) throws {
    for after in [4, 9] {
      let base = SimulatedDisk()
      let disk = FaultingDisk(base)
      var (core, _) = try JournalCore.open(disk, small(1, bytes: 64 * 1024))
      // The first segment of a folder is open under the name that it was made with.
      disk.arm(fault, on: "preparing", after: after)
      for index in 1...10 as ClosedRange<UInt64> {
        try core.append([JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))])])
      }
      core.close()
      #expect(disk.struck == [fault])
      var (again, contents) = try JournalCore.open(disk, repairing(2))
      // A misdirected write destroys an older batch as well.
      #expect(contents.isRepairing && contents.entries.count <= after, "after \(after): \(contents.entries.count)")
      again.close()
    }
  }

  @Test func `a sector that cannot be read is damage, too`() throws {
    let disk = FaultingDisk(SimulatedDisk())
    try journal(disk, entries: 1...40, bytes: 16 * 1024)
    disk.arm(.failedRead, on: "journal-0000000000000002", after: 1)
    var (core, contents) = try JournalCore.open(disk, repairing(2, bytes: 16 * 1024))
    #expect(contents.isRepairing && !contents.entries.isEmpty && contents.entries.count < 40)
    core.close()
  }

  @Test func `a damaged newest snapshot costs nothing; with both damaged the member is repaired`() throws {
    for damaged in 1...2 {
      let disk = SimulatedDisk()
      var (core, _) = try JournalCore.open(disk, small(1))
      var index: UInt64 = 0
      for round in 1...3 as ClosedRange<UInt64> {
        while index < round * 40 {
          index += 1
          try core.append([JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))], hardState: [1], isPromise: true)])
        }
        var writer = try core.beginSnapshot(index: round * 40 - 5, term: 1, metadata: Bytes("m"))
        try writer.append(Bytes(repeating: UInt8(round), count: 5000))
        try core.finish(writer)
      }
      let infos = core.snapshotInfos
      core.close()
      for info in infos[..<damaged] {
        disk.flip(
          "snapshot-" + String(repeating: "0", count: 14) + String(info.index, radix: 16) + "-0000000000000001", at: 400)
      }
      var (again, contents) = try JournalCore.open(disk, repairing(2, bytes: 16 * 1024))
      if damaged == 1 {
        #expect(!contents.isRepairing && contents.snapshot?.index == 75 && contents.entries.map(\.index) == Array(76...120))
        #expect(contents.remarks.count == 1)
      } else {
        #expect(contents.isRepairing && contents.snapshot == nil && contents.entries.isEmpty && contents.promise == [1])
      }
      again.close()
    }
  }
}
