import Primitives

extension RaftNode {
  /// Proposes one entry per payload, in order and next to each other. Any member takes it: others than the leader send it there.
  /// `context` comes back in `droppedProposals` if the leader refuses it; recognise committed entries by what you put in them.
  public mutating func propose(_ payloads: [Bytes], context: UInt64 = 0) -> ProposalResult {
    propose(payloads, kind: .data, context: context)
  }

  private mutating func propose(_ payloads: [Bytes], kind: Entry.Kind, context: UInt64) -> ProposalResult {
    guard !isHalted else { return .dropped(.halted) }
    if let reason = refusal(of: payloads) { return .dropped(reason) }
    if role == .leader { return take(payloads, kind: kind) }
    guard let leader else { return .dropped(.noLeader) }
    nextForward &+= 1
    send(.propose(id: nextForward, context: context, kind: kind, payloads: payloads), to: leader)
    return .forwarded(to: leader)
  }

  /// Changes the roles of members: one step at a time over a joint configuration if voters change (paper §6). The change is in force
  /// when it is in the log, and done when a membership that is not joint is committed.
  public mutating func proposeConfiguration(_ change: MembershipChange, context: UInt64 = 0) -> ProposalResult {
    propose([change.encoded()], kind: .membership, context: context)
  }

  private func refusal(of payloads: [Bytes]) -> DropReason? {
    var total: Int = 0
    for payload in payloads {
      if payload.count > ConsensusLimits.maxEntryPayload { return .tooLarge }
      total += payload.count + 10
    }
    let isTooMuch: Bool = payloads.count > ConsensusLimits.maxForwardedPayloads || total > ConsensusLimits.maxMessageBytes / 2
    return isTooMuch ? .tooLarge : nil
  }

  /// On the leader.
  private mutating func take(_ payloads: [Bytes], kind: Entry.Kind) -> ProposalResult {
    if isTransferBlocking { return .dropped(.transferring) }
    let added: Int = payloads.reduce(0) { $0 + $1.count }
    // One proposal is always let through, so that none is too large for ever.
    if leading.uncommittedBytes > 0, leading.uncommittedBytes + added > configuration.maxUncommittedBytes {
      return .dropped(.tooMuchUncommitted)
    }
    if kind == .membership { return takeMembershipChange(payloads) }
    let index: UInt64 = log.lastIndex + 1
    for payload in payloads { appendAsLeader(kind: .data, payload: payload) }
    return .appended(index: index, term: term)
  }

  mutating func appendAsLeader(kind: Entry.Kind, payload: Bytes) {
    let entry = Entry(index: log.lastIndex + 1, term: term, kind: kind, payload: payload)
    log.append(entry)
    leading.uncommittedBytes += entry.weight
  }

  mutating func onForwardedProposal(_ message: RaftMessage) {
    guard case .propose(let id, let context, let kind, let payloads) = message.body else { return }
    guard role == .leader, message.term == term else {
      return send(.proposalDropped(context: context, reason: .leaderChanged), to: message.from)
    }
    // A link that doubles messages must not double writes. What comes after a change of leader is refused by its term.
    var seen: RecentIdentifiers = leading.seenForwards.removeValue(forKey: message.from) ?? RecentIdentifiers()
    let isNew: Bool = seen.insert(id, limit: ConsensusLimits.rememberedForwards)
    leading.seenForwards[message.from] = seen
    guard isNew else { return }
    if let reason = refusal(of: payloads) { return send(.proposalDropped(context: context, reason: reason), to: message.from) }
    if case .dropped(let reason) = take(payloads, kind: kind) {
      send(.proposalDropped(context: context, reason: reason), to: message.from)
    }
  }
}
