import Consensus
import Journal
import Keyspace
import Primitives

/// Carries out what a node wants, as the store's shell does, with the checkers looking over its shoulder.
extension World {
  func drain(_ member: Int) {
    guard let process = members[member].process else { return }
    while report.violation == nil, carryOut(process.node.takeOutput(), process, member) {}
  }

  /// Returns whether there may be more.
  private func carryOut(_ output: RaftOutput, _ process: Member.Process, _ member: Int) -> Bool {
    if let fault = output.fault { violate(.memberHalted, fault.message) }
    if output.sequence != 0 {
      if let problem = checkers.logs.onOutput(member, output) { violate(.logMatching, problem) }
      queueWrite(output, process, member)
    }
    if let leadership = output.leadership { onLeadership(leadership, member) }
    if let metadata = output.snapshot { install(metadata, process, member) }
    for message in output.messages { send(message, from: member) }
    for read in output.reads where output.committed.isEmpty { serve(read, process) }
    for context in output.droppedReads { refuseRead(context, process) }
    for proposal in output.droppedProposals { refuseProposal(proposal, process) }
    guard let last = output.committed.last else { return false }
    for entry in output.committed { apply(entry, process, member) }
    process.node.applied(upTo: last.index)
    for read in output.reads { serve(read, process) }
    considerSnapshot(process, member)
    return true
  }

  private func onLeadership(_ leadership: Leadership, _ member: Int) {
    note("\(Layout.names[member]) is \(leadership.role.rawValue) in term \(leadership.term)")
    mix(leadership.term &* 31 &+ UInt64(member))
    guard leadership.role == .leader else { return }
    report.elections += 1
    if isStormy, weather.kind == .churn, chance(250) { members[member].doom = 50_000 + Int64(draw(below: 250_000)) }
    if let died = productionDiedAt, report.failoverMicroseconds == nil, Layout.centerOf[member] != 0 {
      report.failoverMicroseconds = now - died
    }
    if let problem = checkers.elections.onLeader(member, life: members[member].life, term: leadership.term) {
      return violate(.oneLeaderPerTerm, problem)
    }
    if let problem = checkers.leaderCompleteness(member, term: leadership.term) { violate(.leaderCompleteness, problem) }
  }

  private func queueWrite(_ output: RaftOutput, _ process: Member.Process, _ member: Int) {
    var batch = JournalBatch()
    if let metadata = output.snapshot { batch.startBehind = LogPlace(index: metadata.index, term: metadata.term) }
    batch.entries = output.entries.map { JournalEntry(index: $0.index, term: $0.term, kind: $0.kind.rawValue, payload: $0.payload) }
    if let state = output.hardState {
      var bytes: Bytes = []
      state.encode(into: &bytes)
      batch.hardState = bytes
    }
    process.disk.queued.append(.append(batch, sequence: output.sequence))
    if options.defect == .saysPersistedTooEarly { process.node.persisted(output.sequence) }
    startDisk(member)
  }

  private func install(_ metadata: SnapshotMetadata, _ process: Member.Process, _ member: Int) {
    report.snapshotsInstalled += 1
    note("\(Layout.names[member]) installs the snapshot at \(metadata.index)")
    guard let received = process.received, received.index == metadata.index else {
      return violate(.stateMachineSafety, "\(Layout.names[member]) shall install snapshot \(metadata.index), which it did not receive")
    }
    if options.defect != .forgetsSnapshotContents { process.keyspace = received.keyspace }
    process.received = nil
    if let problem = checkers.states.onInstall(member, index: metadata.index, process.keyspace) { violate(.stateMachineSafety, problem) }
  }

  private func apply(_ entry: Entry, _ process: Member.Process, _ member: Int) {
    guard report.violation == nil else { return }
    mix(entry.index &* 131 &+ entry.term &* 7 &+ UInt64(member))
    if let problem = checkers.onApply(member, entry, term: process.node.currentTerm) { return violate(.stateMachineSafety, problem) }
    if let problem = checkers.durability(of: entry, seenAt: member, leading: process.node.isLeader ? process.node.currentTerm : nil) {
      return violate(.durability, problem)
    }
    guard entry.kind == .data, let (id, command): (UInt64, KeyspaceCommand) = Wire.decode(entry.payload) else {
      return process.keyspace.advance(to: entry.index)
    }
    guard let result = process.keyspace.apply(command, at: entry.index) else {
      return violate(.stateMachineSafety, "\(Layout.names[member]) was given entry \(entry.index) twice")
    }
    let seen: OperationResult = Wire.result(result, revision: process.keyspace.revision)
    if let problem = checkers.states.compare(member, index: entry.index, seen) { return violate(.stateMachineSafety, problem) }
    if let request = process.waiting.removeValue(forKey: id) { answer(request, .done(seen)) }
  }

  private func serve(_ read: ReadState, _ process: Member.Process) {
    if let request = process.reading.removeValue(forKey: read.context) { answerRead(request, process) }
  }

  func answerRead(_ request: ClientRequest, _ process: Member.Process) {
    guard case .get(let key) = request.operation,
      let response = try? process.keyspace.range(RangeRequest(key: Wire.key(key)))
    else { return }
    let found: KeyValue? = response.keyValues.first
    let result = OperationResult(
      revision: response.revision, succeeded: true, value: found?.value, modRevision: found?.modRevision ?? 0)
    answer(request, .done(result))
  }

  private func refuseRead(_ context: UInt64, _ process: Member.Process) {
    if let request = process.reading.removeValue(forKey: context) { answer(request, .refused) }
  }

  private func refuseProposal(_ proposal: DroppedProposal, _ process: Member.Process) {
    guard let request = process.waiting.removeValue(forKey: proposal.context) else { return }
    // A link that doubles messages may bring the second to a leader that is none any more while the first is in the log.
    answer(request, proposal.reason == .leaderChanged ? .lost : .refused)
  }
}
