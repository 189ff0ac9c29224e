import Consensus
import Journal
import Keyspace
import Primitives

/// Links that lose, delay, double and reorder, and are cut.
extension World {
  func send(_ message: RaftMessage, from member: Int) {
    let to: Int = Layout.place(message.to)
    report.messages += 1
    if cuts[member][to] != 0 || (isStormy && chance(weather.lost)) { return lose(message) }
    var envelope = Envelope(message: message)
    if case .snapshot = message.body {
      guard let full = withContents(envelope, member) else { return }
      envelope = full
    }
    if report.messages % 16 == 0 { checkEncoding(of: message) }
    schedule(.deliver(envelope), in: delay(member, to))
    if isStormy, chance(weather.doubled) { schedule(.deliver(envelope), in: delay(member, to) * 2) }
  }

  private func delay(_ from: Int, _ to: Int) -> Int64 {
    var delay: Int64 = Layout.delay(from, to)
    delay += Int64(draw(below: Int(delay / 4) + 20))
    if isStormy, chance(weather.late) { delay += Int64(draw(below: 60_000)) }
    return delay
  }

  /// What crosses a link is bytes: now and then the simulation insists.
  private func checkEncoding(of message: RaftMessage) {
    var bytes: Bytes = []
    message.encode(into: &bytes)
    if (try? RaftMessage.decode(bytes)) != message { violate(.logMatching, "a message changes when it is encoded: \(message)") }
  }

  /// The newest snapshot on the sender's disk, with its own metadata.
  private func withContents(_ envelope: Envelope, _ member: Int) -> Envelope? {
    guard let journal = members[member].process?.journal, let info = journal.snapshotInfos.first,
      let metadata = try? SnapshotMetadata.decode(info.metadata)
    else { return nil }
    var envelope: Envelope = envelope
    envelope.message.body = .snapshot(metadata)
    do throws(JournalError) {
      try journal.readSnapshot(info) { chunk throws(JournalError) in envelope.snapshot.append(chunk) }
    } catch { return nil }
    return envelope
  }

  /// A shell notices that a snapshot did not go through, as its connection breaks; it notices nothing else.
  func lose(_ message: RaftMessage) {
    guard case .snapshot = message.body else { return }
    let sender: Int = Layout.place(message.from)
    schedule(.snapshotLost(member: sender, life: members[sender].life, to: message.to), in: 100_000)
  }

  func snapshotLost(_ member: Int, _ life: Int, _ to: MemberID) {
    guard members[member].life == life, let process = members[member].process else { return }
    process.node.snapshotReported(to: to, delivered: false)
    drain(member)
  }

  func deliver(_ envelope: Envelope) {
    let to: Int = Layout.place(envelope.message.to)
    let from: Int = Layout.place(envelope.message.from)
    guard let process = members[to].process, cuts[from][to] == 0 else { return lose(envelope.message) }
    mix(UInt64(now) &+ UInt64(from * 8 + to))
    if case .snapshot(let metadata) = envelope.message.body, metadata.index > process.node.commitIndex {
      return receive(metadata, envelope, to)
    }
    process.node.step(envelope.message)
    drain(to)
  }

  /// The snapshot's bytes are made durable before the node is told.
  private func receive(_ metadata: SnapshotMetadata, _ envelope: Envelope, _ member: Int) {
    var decoder = SnapshotDecoder()
    do {
      for chunk in envelope.snapshot { try decoder.consume(chunk) }
      members[member].process?.disk.queued.append(.received(metadata, envelope, try decoder.finish()))
    } catch { return violate(.journal, "a snapshot arrived damaged: \(error)") }
    startDisk(member)
  }
}
