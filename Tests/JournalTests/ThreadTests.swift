import Glibc
import Journal
import Primitives
import Synchronization
import Testing

@Suite struct ThreadTests {
  private func append(_ journal: Journal, _ batch: JournalBatch) async throws {
    try await withCheckedThrowingContinuation { continuation in
      journal.append(batch) { continuation.resume(with: $0) }
    }
  }
  private func close(_ journal: Journal) async {
    await withCheckedContinuation { continuation in journal.close { continuation.resume() } }
  }

  @Test func `appends made while a sync runs share the next one`() async throws {
    let folder = TemporaryFolder()
    let (core, _) = try JournalCore.open(PosixDisk(folder.path), small(1, bytes: 1 << 20))
    let syncs = Mutex<(count: Int, batches: Int)>((0, 0))
    let journal = Journal(core) { sync in syncs.withLock { $0 = ($0.count + 1, $0.batches + sync.batches) } }
    let completed = Mutex<[UInt64]>([])
    await withCheckedContinuation { continuation in
      for index in 1...2000 as ClosedRange<UInt64> {
        journal.append(JournalBatch(entries: [entry(index, 1)])) { result in
          #expect((try? result.get()) != nil)
          let all = completed.withLock { list in
            list.append(index)
            return list.count == 2000
          }
          if all { continuation.resume() }
        }
      }
    }
    #expect(completed.withLock { $0 } == Array(1...2000))
    let (count, batches) = syncs.withLock { $0 }
    #expect(batches == 2000 && count < 1000, "\(count) syncs for 2000 appends")
    await close(journal)
    let (reopened, contents) = try JournalCore.open(PosixDisk(folder.path), small(1, bytes: 1 << 20))
    #expect(contents.entries.count == 2000)
    var last = reopened
    last.close()
  }

  @Test func `a snapshot is written beside appends`() async throws {
    let folder = TemporaryFolder()
    let (core, _) = try JournalCore.open(PosixDisk(folder.path), small(1, bytes: 1 << 20))
    let journal = Journal(core)
    try await append(journal, JournalBatch(entries: (1...10).map { entry($0, 1) }))
    async let info = withCheckedThrowingContinuation { continuation in
      journal.saveSnapshot(
        LogPlace(index: 10, term: 1), metadata: Bytes("meta"),
        source: Pieces(left: (0..<200).map { Bytes(repeating: UInt8($0), count: 10_000) })
      ) { continuation.resume(with: $0) }
    }
    for index in 11...40 as ClosedRange<UInt64> { try await append(journal, JournalBatch(entries: [entry(index, 1)])) }
    #expect(try await info.index == 10)
    await close(journal)
    await #expect(throws: JournalError(.closed, "")) { try await append(journal, JournalBatch(hardState: [1])) }
    var (reopened, contents) = try JournalCore.open(PosixDisk(folder.path), small(1, bytes: 1 << 20))
    #expect(contents.entries.map(\.index) == Array(11...40))
    var size = 0
    try reopened.readSnapshot(#require(contents.snapshot)) { size += $0.count }
    #expect(size == 2_000_000)
    reopened.close()
  }

  @Test func `a failed disk fails every later append`() async throws {
    let disk = SimulatedDisk()
    let (core, _) = try JournalCore.open(disk, small(1))
    let journal = Journal(core)
    try await append(journal, JournalBatch(entries: [entry(1, 1)]))
    var faults = SimulatedDisk.Faults()
    faults.operationsLeft = 1
    disk.faults = faults
    for _ in 0..<3 { await #expect(throws: JournalError(.io, "")) { try await append(journal, JournalBatch(entries: [entry(2, 1)])) } }
    await close(journal)
  }

  @Test(arguments: [150, 700, 2500])
  func `kill -9 at any moment loses nothing acknowledged`(acknowledgements: Int) async throws {
    let folder = TemporaryFolder()
    let path: String = folder.path
    await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, acknowledgements = acknowledgements as Int] in
      let (core, _) = try JournalCore.open(PosixDisk(path), small(7, bytes: 256 * 1024))
      let journal = Journal(core)
      let noted: Int32 = open(path + "/acknowledged", O_WRONLY | O_CREAT, 0o600)
      for index in 1...1_000_000 as ClosedRange<UInt64> {
        journal.append(JournalBatch(entries: [entry(index, 1, String(repeating: "k", count: Int(index % 500)))])) { result in
          guard case .success = result else { return }
          var number: UInt64 = index
          pwrite(noted, &number, 8, 0)
          if index == UInt64(acknowledgements) { kill(getpid(), SIGKILL) }
        }
        if index % 64 == 0 { usleep(100) }
      }
    }
    let noted: Int32 = open(path + "/acknowledged", O_RDONLY)
    var last: UInt64 = 0
    #expect(pread(noted, &last, 8, 0) == 8)
    Glibc.close(noted)
    var (core, contents) = try JournalCore.open(PosixDisk(path), small(8, bytes: 256 * 1024))
    #expect(last >= UInt64(acknowledgements) && contents.entries.count >= Int(last))
    #expect(contents.entries.map(\.index) == Array(1...UInt64(contents.entries.count)))
    #expect(contents.entries.allSatisfy { $0.payload.count == Int($0.index % 500) || $0.index % 500 == 0 })
    core.close()
  }
}
