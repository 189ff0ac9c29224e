import Consensus
import Logging
import NIOCore
import Primitives

/// What crosses a link once (`RelayPlan`): the leader's frames to relays, and the relay's to its neighbours.
extension MemberCore {
  func send(_ messages: [RaftMessage]) {
    guard node.isLeader, relays.concerns(messages) else {
      for message in messages { send(message) }
      return
    }
    for delivery in relays.route(messages, now: now, match: { node.durableIndex(of: $0) ?? 0 }) {
      switch delivery {
      case .direct(let message): send(message)
      case .relayed(let message, let receivers): sendRelayed(message, receivers)
      }
    }
  }

  private func sendRelayed(_ message: RaftMessage, _ receivers: [MemberID]) {
    guard receivers != [message.to] else { return send(message) }
    let frame: ByteBuffer = StoreFrame.relayed(receivers: receivers, message).encode()
    guard link.send(frame, to: message.to, priority: .normal) else {
      return resend(relays.onUnreachable(message.to, now), "\(name(of: message.to)) cannot be reached")
    }
    metrics.relaySpared.increment(by: frame.readableBytes * (receivers.count - 1))
  }

  /// Consensus sends directly, and at once, from what these members are known to have.
  private func resend(_ members: [MemberID], _ reason: String) {
    guard !members.isEmpty else { return }
    metrics.relayFailures.increment()
    logger.info("entries go directly again", metadata: ["to": "\(members.map(name(of:)).joined(separator: ", "))", "reason": "\(reason)"])
    for member in members { node.appendsLost(to: member) }
    scheduleDrain()
  }

  // MARK: On the relay and its neighbours

  /// The leader's entries, for us and for our neighbours: those first, they wait.
  func onRelayed(_ message: RaftMessage, receivers: [MemberID], from member: MemberID) throws(MalformedBytes) {
    let own: MemberID = configuration.memberID
    guard case .append = message.body, message.from == member, message.to == own else {
      throw MalformedBytes("what \(member) sent to be relayed is no append of its own", offset: 0)
    }
    var failed: [MemberID] = []
    for receiver in receivers where receiver != own {
      var copy: RaftMessage = message
      copy.to = receiver
      let frame: ByteBuffer = StoreFrame.forwarded(copy).encode()
      if link.send(frame, to: receiver, priority: .normal) {
        metrics.relayedBytes.increment(by: frame.readableBytes)
      } else {
        failed.append(receiver)
      }
    }
    if receivers.contains(own) { node.step(message) }
    if !failed.isEmpty { _ = link.send(bytes: StoreFrame.relayFailed(receivers: failed).encodedBytes(), to: member, priority: .urgent) }
  }

  /// An append of the leader that a neighbour handed on. Who the neighbour is does not matter: it is a member, as the link made sure.
  func onForwarded(_ message: RaftMessage) throws(MalformedBytes) {
    guard case .append = message.body, message.to == configuration.memberID, message.from != configuration.memberID,
      node.membership.isMember(message.from) || roster.contains(where: { $0.id == message.from })
    else { throw MalformedBytes("a relayed message from \(message.from) to \(message.to)", offset: 0) }
    node.step(message)
  }

  // MARK: Failures

  func onRelayFailed(_ receivers: [MemberID], from relay: MemberID) {
    guard node.isLeader else { return }
    resend(relays.onRefused(by: relay, receivers, now), "\(name(of: relay)) does not reach them")
  }

  func relayLinkDown(_ member: MemberID) { resend(relays.onUnreachable(member, now), "the link to \(name(of: member)) is down") }

  func watchRelays() {
    guard relays.hasRoutes else { return }
    guard node.isLeader else { return relays.reset() }
    let silent: Set<MemberID> = Set(
      node.status.peers.filter { $0.silentTicks >= StoreLimits.relaySilenceTicks }.map(\.id))
    resend(
      relays.onTick(now, match: { node.durableIndex(of: $0) ?? 0 }, isSilent: { silent.contains($0) }),
      "what was sent by a neighbour did not arrive in time")
  }
}
