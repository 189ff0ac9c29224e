import Consensus
import Keyspace
import Logging
import Primitives

/// A snapshot on its way to one member: a copy of the keyspace, encoded as it goes, a window of chunks ahead of what the receiver's disk
/// has.
struct SnapshotSender {
  var transfer: UInt64
  var encoder: SnapshotEncoder
  var message: RaftMessage
  var next: Bytes?
  var sent: UInt64 = 0
  var acknowledged: UInt64 = 0
  var isEnded: Bool = false
  var lastProgress: MonotonicTime
}

extension MemberCore {
  /// Consensus wants a member to have a snapshot. It gets the newest state there is, not an older one from disk.
  func sendSnapshot(for message: RaftMessage) {
    guard senders[message.to] == nil else { return }
    guard let metadata: SnapshotMetadata = node.snapshotMetadata(at: keyspace.appliedIndex) else {
      return node.snapshotReported(to: message.to, delivered: false)
    }
    var message: RaftMessage = message
    message.body = .snapshot(metadata)
    var bytes: Bytes = []
    metadata.encode(into: &bytes)
    nextTransfer &+= 1
    let begin = StoreFrame.snapshotBegin(transfer: nextTransfer, metadata: bytes)
    guard link.send(begin.encode(), to: message.to, priority: .bulk) else {
      return node.snapshotReported(to: message.to, delivered: false)
    }
    var encoder = SnapshotEncoder(keyspace)
    let first: Bytes? = encoder.next()
    senders[message.to] = SnapshotSender(transfer: nextTransfer, encoder: encoder, message: message, next: first, lastProgress: now)
    logger.info("sending a snapshot", metadata: ["to": "\(name(of: message.to))", "index": "\(metadata.index)"])
    pump(message.to)
  }

  private func pump(_ member: MemberID) {
    guard var sender: SnapshotSender = senders[member] else { return }
    defer { senders[member] = sender }
    while let chunk: Bytes = sender.next, sender.sent < sender.acknowledged + UInt64(StoreLimits.snapshotWindow) {
      let frame = StoreFrame.snapshotChunk(transfer: sender.transfer, number: sender.sent, bytes: chunk)
      guard link.send(frame.encode(), to: member, priority: .bulk) else { return }
      sender.sent += 1
      sender.next = sender.encoder.next()
    }
    guard sender.next == nil, !sender.isEnded else { return }
    var bytes: Bytes = []
    sender.message.encode(into: &bytes)
    let end = StoreFrame.snapshotEnd(transfer: sender.transfer, chunks: sender.sent, message: bytes)
    sender.isEnded = link.send(end.encode(), to: member, priority: .bulk)
  }

  func onSnapshotProgress(_ member: MemberID, _ transfer: UInt64, _ chunks: UInt64) {
    guard senders[member]?.transfer == transfer, chunks <= senders[member]?.sent ?? 0 else { return }
    senders[member]?.acknowledged = chunks
    senders[member]?.lastProgress = now
    node.snapshotReported(to: member, delivered: true)
    pump(member)
    if let sender: SnapshotSender = senders[member], sender.isEnded, sender.acknowledged == sender.sent { senders[member] = nil }
  }

  func giveUpSending(to member: MemberID, _ transfer: UInt64, _ reason: String) {
    guard senders[member]?.transfer == transfer else { return }
    senders[member] = nil
    logger.warning("a snapshot was not delivered", metadata: ["to": "\(name(of: member))", "reason": "\(reason)"])
    node.snapshotReported(to: member, delivered: false)
  }

  /// With each tick: what the link did not take goes on, what makes no progress ends.
  func continueSending() {
    for (member, sender) in senders {
      if now - sender.lastProgress > StoreLimits.snapshotPatience {
        giveUpSending(to: member, sender.transfer, "no progress for \(StoreLimits.snapshotPatience)")
      } else {
        pump(member)
      }
    }
  }
}
