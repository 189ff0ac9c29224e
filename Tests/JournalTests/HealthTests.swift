import Glibc
import Journal
import Primitives
import Synchronization
import Testing

@Suite struct HealthTests {
  @Test func `a disk that does not finish a sync is seen as stalled while it does, and not afterwards`() async throws {
    let gate = Gate()
    let disk = GatedDisk(SimulatedDisk(), gate)
    let (core, _) = try JournalCore.open(disk, small(1))
    let journal = Journal(core)
    #expect(journal.health.busySince == nil && journal.health.syncs == 0)
    gate.shut()
    let done = Mutex<Bool>(false)
    journal.append(JournalBatch(entries: [entry(1, 1)])) { _ in done.withLock { $0 = true } }
    gate.waitForVisitor()
    let health: JournalHealth = journal.health
    let began: MonotonicTime = try #require(health.busySince)
    #expect(health.stalledSince(now: began + .milliseconds(300), limit: .milliseconds(250)) == began)
    #expect(health.stalledSince(now: began + .milliseconds(200), limit: .milliseconds(250)) == nil)
    gate.open()
    while !done.withLock({ $0 }) { await Task.yield() }
    let after: JournalHealth = journal.health
    #expect(after.busySince == nil && after.syncs == 1 && after.lastSync?.batches == 1 && after.failure == nil)
    await withCheckedContinuation { continuation in journal.close { continuation.resume() } }
  }

  @Test func `a failed disk is in the health of its journal`() async throws {
    let disk = SimulatedDisk()
    let (core, _) = try JournalCore.open(disk, small(1))
    let journal = Journal(core)
    disk.faults.operationsLeft = 0
    let code: JournalError.Code? = await withCheckedContinuation { continuation in
      journal.append(JournalBatch(entries: [entry(1, 1)])) { result in
        if case .failure(let error) = result { continuation.resume(returning: error.code) } else { continuation.resume(returning: nil) }
      }
    }
    #expect(code == .io && journal.health.failure?.code == .io)
    await withCheckedContinuation { continuation in journal.close { continuation.resume() } }
  }
}

private func pauseBriefly() { usleep(200) }

/// Syncs wait here while it is shut.
final class Gate: Sendable {
  private let state: Mutex<(isShut: Bool, visitors: Int)> = Mutex((false, 0))
  func shut() { state.withLock { $0.isShut = true } }
  func open() { state.withLock { $0.isShut = false } }
  func pass() {
    state.withLock { $0.visitors += $0.isShut ? 1 : 0 }
    while state.withLock({ $0.isShut }) { pauseBriefly() }
  }
  func waitForVisitor() { while state.withLock({ $0.visitors == 0 }) { pauseBriefly() } }
}

struct GatedDisk: Disk {
  let base: SimulatedDisk
  let gate: Gate
  init(_ base: SimulatedDisk, _ gate: Gate) {
    self.base = base
    self.gate = gate
  }
  var path: String { base.path }
  func lock() throws(JournalError) { try base.lock() }
  func unlock() { base.unlock() }
  func list() throws(JournalError) -> [String] { try base.list() }
  func open(_ name: String, create: Bool) throws(JournalError) -> any DiskFile {
    GatedFile(base: try base.open(name, create: create), gate: gate)
  }
  func rename(_ from: String, to: String) throws(JournalError) { try base.rename(from, to: to) }
  func remove(_ name: String) throws(JournalError) { try base.remove(name) }
  func syncDirectory() throws(JournalError) { try base.syncDirectory() }
}

struct GatedFile: DiskFile {
  let base: any DiskFile
  let gate: Gate
  var name: String { base.name }
  func size() throws(JournalError) -> Int { try base.size() }
  func write(_ bytes: Bytes, at offset: Int) throws(JournalError) { try base.write(bytes, at: offset) }
  func read(at offset: Int, count: Int) throws(JournalError) -> Bytes { try base.read(at: offset, count: count) }
  func sync() throws(JournalError) {
    gate.pass()
    try base.sync()
  }
  func close() { base.close() }
}
