import Consensus
import Keyspace
import Logging
import NIOCore
import Primitives
import SiteLink

/// Frames to and from the other members.
extension MemberCore {
  func send(_ message: RaftMessage) {
    if case .snapshot = message.body { return sendSnapshot(for: message) }
    let taken: Bool = link.send(bytes: StoreFrame.raft(message).encodedBytes(), to: message.to, priority: Self.priority(of: message.body))
    // What the link did not take never left: the proposal is surely not in the log.
    if !taken, case .propose(_, let context, _, _) = message.body {
      proposals.dropped(context: context)
      retriesAllowed = false
    }
  }

  /// Nothing that keeps a leader alive waits behind entries, and no entry behind a snapshot.
  private static func priority(of body: RaftMessage.Body) -> LinkPriority {
    switch body {
    case .append(_, _, let entries) where !entries.isEmpty: .normal
    case .appendAccepted, .appendRejected, .propose, .proposalDropped, .append: .normal
    default: .urgent
    }
  }

  func receive(_ frame: ByteBuffer, from member: MemberID) { receive(bytes: Bytes(frame.readableBytesView), from: member) }

  func receive(bytes: Bytes, from member: MemberID) {
    guard failure == nil else { return }
    do {
      switch try StoreFrame(bytes: bytes) {
      case .raft(let message):
        guard message.from == member, message.to == configuration.memberID else {
          throw MalformedBytes("message from \(message.from) to \(message.to)", offset: 0)
        }
        if case .snapshot = message.body { throw MalformedBytes("snapshot message without its snapshot", offset: 0) }
        if member == leadership?.leader { pulse.onWord(now: now) }
        node.step(message)
      case .snapshotBegin(let transfer, let metadata): beginReceiving(transfer, from: member, metadata)
      case .snapshotChunk(let transfer, let number, let bytes): receiveChunk(transfer, from: member, number, bytes)
      case .snapshotEnd(let transfer, let chunks, let message): endReceiving(transfer, from: member, chunks, message)
      case .snapshotAcknowledged(let transfer, let chunks): onSnapshotProgress(member, transfer, chunks)
      case .snapshotRefused(let transfer): giveUpSending(to: member, transfer, "the receiver refused it")
      case .call(let id, let call): onCall(id, call, from: member)
      case .answer(let id, let answer): onAnswer(id, answer)
      case .change(let id, let command): onChange(id, command, from: member)
      case .horizon(let horizon): onHorizon(horizon, from: member)
      case .relayed(let receivers, let message): try onRelayed(message, receivers: receivers, from: member)
      case .forwarded(let message): try onForwarded(message)
      case .snapshotWanted(let message): try onSnapshotWanted(message, from: member)
      case .snapshotReport(let receiver, let isAlive): onSnapshotReport(receiver, isAlive: isAlive, from: member)
      case .relayFailed(let receivers): onRelayFailed(receivers, from: member)
      case .changed(let id, let added, let code, let message): onChanged(id, member: added, code: code, message: message)
      case .lost(let repair): onLost(repair, from: member)
      case .repairTarget(let repair, let term, let index): onRepairTarget(repair, term: term, index: index)
      }
      scheduleDrain()
    } catch {
      guard malformedFrames.insert(member).inserted else { return }
      logger.error("a frame of a peer cannot be read, said once", metadata: ["peer": "\(name(of: member))", "reason": "\(error)"])
    }
  }

  func linkChanged(_ member: MemberID, up: Bool) {
    logger.info(up ? "link up" : "link down", metadata: ["peer": "\(name(of: member))"])
    snapshotLinkChanged(member, up: up)
    if !up {
      relayLinkDown(member)
      calls.retry()
    }
    retriesAllowed = true
    scheduleDrain()
  }

  func onGone(_ member: MemberID) {
    guard failure == nil, node.currentLeader == member else { return }
    logger.info("the leader closed its connections: not waiting for its silence", metadata: ["leader": "\(name(of: member))"])
    node.leaderGone(member)
    scheduleDrain()
  }

  func name(of member: MemberID) -> String {
    let name: String = roster.first { $0.id == member }?.name.value ?? ""
    return name.isEmpty ? member.description : name
  }
}
