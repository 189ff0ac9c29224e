import Glibc
import Journal
import Primitives
import Synchronization
import Testing

@Suite struct FaultTests {
  private func filled(_ index: UInt64) -> JournalBatch { JournalBatch(entries: [entry(index, 1, String(repeating: "p", count: 700))]) }

  @Test func `a failed sync is final, whatever its reason, and is not tried again`() throws {
    for code in [JournalError.Code.io, .noSpace] {
      let base = SimulatedDisk()
      let disk = FaultingDisk(base)
      var (core, _) = try JournalCore.open(disk, small(1))
      try core.append([filled(1)])
      disk.arm(.failedSync(code), on: "preparing")
      let syncs = base.syncCount
      for _ in 0..<3 {
        do {
          try core.append([filled(2)])
          Issue.record("appended")
        } catch { #expect(error.code == .io) }
      }
      #expect(base.syncCount == syncs && disk.struck.count == 1)
    }
  }

  /// fsyncgate: after a failed sync the kernel calls the pages clean. Reading them back proves nothing, so opening writes them again.
  @Test func `what a killed or failed process left in the kernel's cache is durable once it was read back`() throws {
    for fails in [false, true] {
      let base = SimulatedDisk()
      let disk = FaultingDisk(base)
      var (core, _) = try JournalCore.open(disk, small(1))
      try core.append([filled(1)])
      if fails { disk.arm(.failedSync(.io), on: "preparing") } else { base.faults.operationsLeft = 1 }
      #expect(code { try core.append([filled(2)]) } == .io)
      base.kill(cleansCache: fails)
      var (again, contents) = try JournalCore.open(base, small(2))
      #expect(contents.entries.count == 2)
      // It is told to the leader as durable. Then the power fails.
      again.close()
      var random = SeededRandom(seed: 3)
      base.crash(&random)
      let (last, after) = try JournalCore.open(base, small(3))
      #expect(after.entries.count == 2)
      var closing = last
      closing.close()
    }
  }

  @Test func `a write cut short by a full disk waits, in order, and is written once there is space`() throws {
    let disk = FaultingDisk(SimulatedDisk())
    var (core, _) = try JournalCore.open(disk, small(1))
    try core.append([filled(1)])
    disk.arm(.failedWrite(.noSpace, written: 513), on: "preparing")
    #expect(code { try core.append([filled(2), filled(3)]) } == .noSpace)
    #expect(core.waitsForSpace && core.isFull)
    try core.append([filled(4)])
    #expect(!core.waitsForSpace)
    core.close()
    var (again, contents) = try JournalCore.open(disk, small(2))
    #expect(contents.entries.map(\.index) == [1, 2, 3, 4] && !contents.isRepairing)
    again.close()
  }

  @Test func `without space for the next segment appends go on in this one, wait at its end, and end well`() throws {
    let disk = FaultingDisk(SimulatedDisk())
    var (core, _) = try JournalCore.open(disk, small(1))
    disk.capacity = 16 * 1024 + 8192 + 64
    var index: UInt64 = 0
    while !core.isFull {
      index += 1
      try? core.append([filled(index)])
      if core.wantsPreparation { _ = try? core.prepareStep() }
    }
    // Half a segment is left when the shortage is known.
    #expect(!core.waitsForSpace)
    var refused = 0
    while !core.waitsForSpace {
      index += 1
      if code({ try core.append([filled(index)]) }) == .noSpace { refused += 1 }
    }
    #expect(refused == 1)
    core.lookForSpace()
    #expect(core.isFull && code { try core.resume() } == .noSpace)
    disk.capacity = nil
    core.lookForSpace()
    #expect(!core.isFull)
    try core.resume()
    index += 1
    try core.append([filled(index)])
    core.close()
    var (again, contents) = try JournalCore.open(disk, small(2))
    #expect(contents.entries.map(\.index) == Array(1...index))
    again.close()
  }

  @Test func `a snapshot that finds the disk full gives its space back and harms nothing`() throws {
    let disk = FaultingDisk(SimulatedDisk())
    var (core, _) = try JournalCore.open(disk, small(1))
    try core.append([filled(1)])
    var writer = try core.beginSnapshot(index: 1, term: 1, metadata: [])
    try writer.append(Bytes(repeating: 1, count: 100))
    disk.arm(.failedWrite(.noSpace, written: 10), on: "snapshot-")
    #expect(code { try writer.append(Bytes(repeating: 1, count: 100)) } == .noSpace)
    core.abandon(writer)
    #expect(try disk.list().filter { $0.hasPrefix("snapshot-") }.isEmpty)
    try core.append([filled(2)])
    core.close()
  }

  @Test func `the thread holds appends back while the disk is full and completes them afterwards, in order`() async throws {
    let disk = FaultingDisk(SimulatedDisk())
    let (core, _) = try JournalCore.open(disk, small(1))
    disk.capacity = 16 * 1024 + 8192 + 64
    let journal = Journal(core)
    let completed = Mutex<[UInt64]>([])
    for index in 1...40 as ClosedRange<UInt64> {
      journal.append(filled(index)) { result in
        if case .success = result { completed.withLock { $0.append(index) } }
      }
    }
    while !journal.health.waitsForSpace { await Task.yield() }
    let health = journal.health
    #expect(health.fullSince != nil && health.failure == nil && completed.withLock { $0.count } < 40)
    disk.capacity = nil
    while completed.withLock({ $0.count }) < 40 { await Task.yield() }
    #expect(completed.withLock { $0 } == Array(1...40))
    while journal.health.fullSince != nil { await Task.yield() }
    await withCheckedContinuation { continuation in journal.close { continuation.resume() } }
    let (again, contents) = try JournalCore.open(disk, small(2))
    #expect(contents.entries.count == 40)
    var last = again
    last.close()
  }
}
