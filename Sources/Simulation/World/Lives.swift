import Consensus
import Journal
import Keyspace
import Primitives

/// Starting and dying.
extension World {
  func start(_ member: Int) {
    members[member].life += 1
    members[member].doom = nil
    var journalConfiguration = JournalConfiguration(seed: random.next())
    journalConfiguration.segmentBytes = SimulationLimits.segmentBytes
    do {
      let (core, contents): (JournalCore, JournalContents) = try JournalCore.open(members[member].disk, journalConfiguration)
      if !contents.remarks.isEmpty { report.tornWrites += 1 }
      var keyspace = Keyspace()
      var restored = RestoredState()
      if let info = contents.snapshot {
        var decoder = SnapshotDecoder()
        var failure: KeyspaceError?
        try core.readSnapshot(info) { chunk throws(JournalError) in
          do throws(KeyspaceError) { try decoder.consume(chunk) } catch { failure = error }
        }
        if let failure { throw failure }
        keyspace = try decoder.finish()
        restored.snapshot = try SnapshotMetadata.decode(info.metadata)
      }
      if let bytes = contents.hardState { restored.hardState = try HardState.decode(bytes) }
      for entry in contents.entries {
        guard let kind = Entry.Kind(rawValue: entry.kind) else {
          throw ConsensusError(.malformed, "entry \(entry.index) has kind \(entry.kind)")
        }
        restored.entries.append(Entry(index: entry.index, term: entry.term, kind: kind, payload: entry.payload))
      }
      if let problem = checkers.logs.onStart(member, restored) { return violate(.journal, problem) }
      let node = try RaftNode(configuration: configuration(of: member), restored: restored, applied: restored.snapshot?.index ?? 0)
      members[member].process = Member.Process(node: node, journal: core, keyspace: keyspace)
      checkers.states.onStart(member, applied: restored.snapshot?.index ?? 0)
      note("\(Layout.names[member]) starts with term \(restored.hardState.term), log up to \(node.status.lastIndex)")
    } catch {
      return violate(.journal, "\(Layout.names[member]) cannot start from its disk: \(error)")
    }
    schedule(.tick(member: member, life: members[member].life), in: Int64(draw(below: Int(SimulationLimits.tick))))
  }

  private func configuration(of member: Int) -> RaftConfiguration {
    var configuration = RaftConfiguration(
      id: Layout.id(member), voters: Layout.voters, priorities: Layout.priorities, seed: random.next())
    if weather.kind == .churn {
      configuration.timing.heartbeatTicks = 1
      configuration.timing.electionTicks = 6
      configuration.timing.electionMarginTicks = 1
      configuration.timing.electionJitterTicks = 4
      configuration.timing.priorityTicks = 1
      configuration.timing.handoverTicks = 20
      configuration.timing.handoverRetryTicks = 40
    }
    configuration.maxInflightMessages = 16
    configuration.maxEntryBytesPerMessage = weather.kind == .churn ? 64 : 1024
    if let defect = options.defect { configuration.defects = defect.raftDefects }
    return configuration
  }

  /// kill -9, or a power cut: what was being written is written in part, what was not synced is there or not, sector by sector.
  func crash(_ member: Int) {
    guard let process = members[member].process else { return }
    members[member].process = nil
    members[member].life += 1
    members[member].isPaused = false
    members[member].backlog = []
    report.crashes += 1
    note("\(Layout.names[member]) crashes")
    var running: [Member.DiskQueue.Work] = process.disk.running
    if running.isEmpty, chance(500) { running = process.disk.queued }
    if !running.isEmpty {
      members[member].disk.faults.operationsLeft = draw(below: 4)
      _ = write(running, to: process)
      members[member].disk.faults.operationsLeft = nil
    }
    members[member].disk.crash(&random)
    for work in process.disk.running + process.disk.queued { if case .received(_, let envelope, _) = work { lose(envelope.message) } }
    checkers.logs.onCrash(member, writing: process.disk.running + process.disk.queued)
  }

  func tick(_ member: Int, _ life: Int) {
    guard members[member].life == life, let process = members[member].process else { return }
    process.node.tick()
    drain(member)
    schedule(.tick(member: member, life: life), in: SimulationLimits.tick)
  }

  func resume(_ member: Int) {
    guard members[member].isPaused else { return }
    members[member].isPaused = false
    note("\(Layout.names[member]) goes on")
    let backlog: [SimulationEvent] = members[member].backlog
    members[member].backlog = []
    // What waits in one socket says nothing about the order of another: requests may be read before messages.
    if chance(500) {
      for event in backlog { if case .request = event { handle(event) } }
      for event in backlog { if case .request = event {} else { handle(event) } }
    } else {
      for event in backlog { handle(event) }
    }
  }
}
