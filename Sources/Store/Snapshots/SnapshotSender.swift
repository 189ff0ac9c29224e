import Consensus
import Keyspace
import Logging
import NIOCore
import Primitives

/// A snapshot on its way to one member: a copy of the keyspace, encoded as it goes, a window of chunks ahead of what the receiver's disk
/// has. Chunks are kept until they are there, so that a broken connection costs what was in the window and no more.
struct SnapshotSender {
  let transfer: UInt64
  let metadata: SnapshotMetadata
  /// Of the leader that wants it, which is another one after an election; its body holds `metadata`.
  var message: RaftMessage
  private var encoder: SnapshotEncoder
  private var isEncoded: Bool = false
  /// Chunks from number `acknowledged` on.
  private var kept: [Bytes] = []
  private(set) var sent: UInt64 = 0
  private(set) var acknowledged: UInt64 = 0
  var isEnded: Bool = false
  /// The link broke: nothing is sent until the receiver says up to where it has everything.
  private(set) var isSuspended: Bool = false
  let began: MonotonicTime
  var lastProgress: MonotonicTime
  var lastReport: MonotonicTime

  init(transfer: UInt64, metadata: SnapshotMetadata, message: RaftMessage, keyspace: Keyspace, now: MonotonicTime) {
    self.transfer = transfer
    self.metadata = metadata
    self.message = message
    encoder = SnapshotEncoder(keyspace)
    began = now
    lastProgress = now
    lastReport = now
  }

  /// The next to send; nil while the window is full, and after the last.
  mutating func next() throws(KeyspaceError) -> (number: UInt64, bytes: Bytes)? {
    guard !isSuspended, sent < acknowledged + UInt64(StoreLimits.snapshotWindow) else { return nil }
    let place = Int(sent - acknowledged)
    if place == kept.count, !isEncoded {
      if let chunk: Bytes = try encoder.next() { kept.append(chunk) } else { isEncoded = true }
    }
    return place < kept.count ? (sent, kept[place]) : nil
  }

  mutating func didSend() { sent += 1 }

  /// Everything was sent, and the end not yet.
  var mustEnd: Bool { !isSuspended && !isEnded && isEncoded && sent == acknowledged + UInt64(kept.count) }
  var isDelivered: Bool { isEnded && acknowledged == sent }

  mutating func suspend() { isSuspended = true }

  /// The receiver has so many chunks. False if it has fewer than it said before: it began anew, which this transfer cannot.
  mutating func onAcknowledged(_ chunks: UInt64) -> Bool {
    guard chunks >= acknowledged, chunks <= acknowledged + UInt64(kept.count) else { return chunks < acknowledged && !isSuspended }
    kept.removeFirst(Int(chunks - acknowledged))
    acknowledged = chunks
    if isSuspended {
      isSuspended = false
      isEnded = false
      sent = chunks
    }
    sent = max(sent, chunks)
    return true
  }
}

extension MemberCore {
  /// Begins to send the newest state there is, not an older one from disk; or goes on with what is under way to that member for another
  /// leader. `message` is of the leader and of our term, so whatever is applied here is in that leader's log.
  func startSending(_ message: RaftMessage, atLeast index: UInt64) -> Bool {
    let member: MemberID = message.to
    guard message.term == node.currentTerm else { return false }
    if let under: SnapshotSender = senders[member], under.metadata.index >= index {
      senders[member]?.message = Self.address(message, under.metadata)
      senders[member]?.lastProgress = now
      metrics.snapshotsResumed.increment()
      if under.isSuspended || under.isEnded { askWhereToResume(member) } else { pump(member) }
      return true
    }
    senders[member] = nil
    guard keyspace.appliedIndex >= index, let metadata: SnapshotMetadata = node.snapshotMetadata(at: keyspace.appliedIndex) else {
      return false
    }
    nextTransfer &+= 1
    guard link.send(Self.begin(nextTransfer, metadata), to: member, priority: .bulk) else { return false }
    senders[member] = SnapshotSender(
      transfer: nextTransfer, metadata: metadata, message: Self.address(message, metadata), keyspace: keyspace, now: now)
    metrics.snapshots.underWay(.send, name(of: member), count: 1)
    logger.info(
      "sending a snapshot",
      metadata: ["to": "\(name(of: member))", "index": "\(metadata.index)", "leader": "\(name(of: message.from))"])
    pump(member)
    return true
  }

  private static func address(_ message: RaftMessage, _ metadata: SnapshotMetadata) -> RaftMessage {
    var message: RaftMessage = message
    message.body = .snapshot(metadata)
    return message
  }

  private static func begin(_ transfer: UInt64, _ metadata: SnapshotMetadata) -> ByteBuffer {
    var bytes: Bytes = []
    metadata.encode(into: &bytes)
    return StoreFrame.snapshotBegin(transfer: transfer, metadata: bytes).encode()
  }

  private func pump(_ member: MemberID) {
    guard var sender: SnapshotSender = senders[member] else { return }
    defer { senders[member] = sender }
    do throws(KeyspaceError) {
      while let (number, chunk): (UInt64, Bytes) = try sender.next() {
        let frame: ByteBuffer = StoreFrame.snapshotChunk(transfer: sender.transfer, number: number, bytes: chunk).encode()
        guard link.send(frame, to: member, priority: .bulk) else { return }
        metrics.snapshotBytes.increment(by: frame.readableBytes)
        sender.didSend()
      }
    } catch { return onUnreadableValue(error) }
    // Its last word says who wants it: of an older term nobody does any more, and of a newer one somebody will say so.
    guard sender.mustEnd, sender.message.term == node.currentTerm else { return }
    var bytes: Bytes = []
    sender.message.encode(into: &bytes)
    let end = StoreFrame.snapshotEnd(transfer: sender.transfer, chunks: sender.sent, message: bytes)
    sender.isEnded = link.send(bytes: end.encodedBytes(), to: member, priority: .bulk)
  }

  func onSnapshotProgress(_ member: MemberID, _ transfer: UInt64, _ chunks: UInt64) {
    guard senders[member]?.transfer == transfer else { return }
    guard senders[member]?.onAcknowledged(chunks) ?? false else {
      return giveUpSending(to: member, transfer, "the receiver began anew")
    }
    senders[member]?.lastProgress = now
    reportProgress(to: member)
    pump(member)
    if let sender: SnapshotSender = senders[member], sender.isDelivered {
      senders[member] = nil
      metrics.snapshots.ended(.send, name(of: member), within: now - sender.began)
    }
  }

  /// The receiver answers with what it has.
  private func askWhereToResume(_ member: MemberID) {
    guard let sender: SnapshotSender = senders[member] else { return }
    senders[member]?.suspend()
    _ = link.send(Self.begin(sender.transfer, sender.metadata), to: member, priority: .bulk)
  }

  func giveUpSending(to member: MemberID, _ transfer: UInt64, _ reason: String) {
    guard let sender: SnapshotSender = senders[member], sender.transfer == transfer else { return }
    senders[member] = nil
    metrics.snapshots.ended(.send, name(of: member), within: nil)
    logger.warning("a snapshot was not delivered", metadata: ["to": "\(name(of: member))", "reason": "\(reason)"])
    reportSnapshot(to: member, leader: sender.message.from, isAlive: false)
  }

  func snapshotLinkChanged(_ member: MemberID, up: Bool) {
    guard let sender: SnapshotSender = senders[member] else { return }
    guard up else {
      senders[member]?.suspend()
      return
    }
    logger.info("resuming a snapshot", metadata: ["to": "\(name(of: member))", "chunks": "\(sender.acknowledged)"])
    metrics.snapshotsResumed.increment()
    askWhereToResume(member)
  }

  /// With each tick: what the link did not take goes on, what makes no progress ends.
  func continueSending() {
    for (member, sender) in senders.sorted(by: { $0.key < $1.key }) {
      let patience: Duration = sender.isSuspended ? StoreLimits.snapshotResumption : StoreLimits.snapshotPatience
      if now - sender.lastProgress > patience {
        giveUpSending(to: member, sender.transfer, "no progress for \(patience)")
      } else {
        pump(member)
      }
    }
    if let current: SnapshotReceiver = receiver, now - current.lastProgress > StoreLimits.snapshotResumption {
      logger.warning("a snapshot did not go on", metadata: ["from": "\(name(of: current.from))"])
      abandonReceiving()
    }
  }
}
