import Consensus
import Journal
import Keyspace
import Primitives

/// The journal's thread: takes everything that waits, writes and syncs it once, says so.
extension World {
  func startDisk(_ member: Int) {
    guard let process = members[member].process, process.disk.running.isEmpty, !process.disk.queued.isEmpty else { return }
    let appends: Int = process.disk.queued.firstIndex { if case .append = $0 { false } else { true } } ?? process.disk.queued.count
    let count: Int = max(1, appends)
    process.disk.running = Array(process.disk.queued[..<count])
    process.disk.queued.removeFirst(count)
    let time: Int64 = Int64(120 + draw(below: 120)) + members[member].extraDiskTime
    schedule(.diskDone(member: member, life: members[member].life), in: time)
    if let downFor = members[member].doom {
      members[member].doom = nil
      schedule(.fault(.crash([member], downFor: downFor)), in: Int64(draw(below: Int(time))))
    }
  }

  func diskDone(_ member: Int, _ life: Int) {
    guard members[member].life == life, let process = members[member].process else { return }
    let running: [Member.DiskQueue.Work] = process.disk.running
    process.disk.running = []
    if let failure = write(running, to: process) { violate(.journal, "\(Layout.names[member])'s journal failed: \(failure)") }
    for work in running {
      switch work {
      case .append(let batch, let sequence):
        checkers.logs.onDurable(member, batch)
        process.node.persisted(sequence)
      case .snapshot(let metadata, _):
        process.node.snapshotTaken(metadata, keeping: SimulationLimits.entriesKept)
        checkers.logs.onSnapshotDurable(member, metadata)
        process.isSnapshotQueued = false
      case .received(let metadata, let envelope, let keyspace):
        process.received = (metadata.index, keyspace)
        process.node.step(envelope.message)
      }
    }
    drain(member)
    startDisk(member)
  }

  /// Returns what went wrong.
  func write(_ work: [Member.DiskQueue.Work], to process: Member.Process) -> (any Error)? {
    do {
      var batches: [JournalBatch] = []
      for one in work {
        switch one {
        case .append(let batch, _): batches.append(batch)
        case .snapshot(let metadata, let chunks): try save(metadata, chunks, to: process)
        case .received(let metadata, let envelope, _): try save(metadata, envelope.snapshot, to: process)
        }
      }
      if !batches.isEmpty { try process.journal.append(batches) }
      return nil
    } catch { return error }
  }

  private func save(_ metadata: SnapshotMetadata, _ chunks: [Bytes], to process: Member.Process) throws {
    var bytes: Bytes = []
    metadata.encode(into: &bytes)
    var writer: SnapshotWriter = try process.journal.beginSnapshot(index: metadata.index, term: metadata.term, metadata: bytes)
    for chunk in chunks { try writer.append(chunk) }
    try process.journal.finish(writer)
  }

  func considerSnapshot(_ process: Member.Process, _ member: Int) {
    guard !process.isSnapshotQueued else { return }
    let applied: UInt64 = process.keyspace.appliedIndex
    guard applied >= process.node.snapshotIndex + SimulationLimits.entriesPerSnapshot,
      let metadata = process.node.snapshotMetadata(at: applied)
    else { return }
    var encoder = SnapshotEncoder(process.keyspace)
    var chunks: [Bytes] = []
    while let chunk = encoder.next() { chunks.append(chunk) }
    process.isSnapshotQueued = true
    process.disk.queued.append(.snapshot(metadata, chunks))
    startDisk(member)
  }
}
