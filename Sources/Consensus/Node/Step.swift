import Primitives

/// Where a message goes: first the terms are settled (paper §5.1), then its topic's file handles it.
extension RaftNode {
  public mutating func step(_ message: RaftMessage) {
    guard !isHalted, message.to == id, message.from != id || isOwnVote(message) else { return }
    if isTermless(message.body) { return stepTermless(message) }
    if message.term > term {
      guard settleNewerTerm(message) else { return }
    } else if message.term < term {
      return answerOlderTerm(message)
    }
    stepCurrent(message)
  }

  /// Its own vote comes back to the candidate once it is durable.
  private func isOwnVote(_ message: RaftMessage) -> Bool {
    if case .voteReply = message.body { return true }
    return false
  }

  private func isTermless(_ body: RaftMessage.Body) -> Bool {
    switch body {
    case .propose, .proposalDropped, .readIndex, .readIndexReply, .transferLeadership: true
    default: false
    }
  }

  private mutating func stepTermless(_ message: RaftMessage) {
    switch message.body {
    case .propose: onForwardedProposal(message)
    case .proposalDropped(let context, let reason):
      pending.droppedProposals.append(DroppedProposal(context: context, reason: reason))
    case .readIndex(let context): onForwardedRead(from: message.from, context: context)
    case .readIndexReply(let context, let index): onReadAnswer(context: context, index: index)
    case .transferLeadership(let target): onTransferRequest(to: target)
    default: break
    }
  }

  /// Returns whether the message is to be handled further.
  private mutating func settleNewerTerm(_ message: RaftMessage) -> Bool {
    switch message.body {
    case .preVote: return true
    case .preVoteReply(let granted) where granted: return true
    case .preVoteReply:
      // A voter knows a newer term: take it over and ask again at the next tick rather than after another timeout.
      let wasAsking: Bool = role == .preCandidate
      becomeFollower(term: message.term, leader: nil)
      if wasAsking { elapsed = timeout }
      return false
    case .vote(_, let transfer):
      // Whoever hears its leader protects it (thesis §4.2.3), unless the leader itself asked for the election.
      if hearsLeader && !transfer { return false }
      becomeFollower(term: message.term, leader: nil)
    case .append, .heartbeat, .commit, .snapshot: becomeFollower(term: message.term, leader: message.from)
    default: becomeFollower(term: message.term, leader: nil)
    }
    return true
  }

  private mutating func answerOlderTerm(_ message: RaftMessage) {
    switch message.body {
    // A leader of an older term learns so and steps down; without this a member whose term ran ahead would never be reached again.
    case .append(let previous, _, _):
      send(.appendRejected(previous: previous.index, hint: LogPosition(term: 0, index: 0)), to: message.from, afterPersisting: true)
    case .heartbeat, .snapshot: send(.heartbeatReply(round: 0), to: message.from, afterPersisting: true)
    case .preVote: send(.preVoteReply(granted: false), to: message.from)
    case .vote: send(.voteReply(granted: false), to: message.from, afterPersisting: true)
    default: break
    }
  }

  private mutating func stepCurrent(_ message: RaftMessage) {
    switch message.body {
    case .preVote(let last): onPreVote(from: message.from, for: message.term, last: last)
    case .preVoteReply(let granted): onPreVoteReply(from: message.from, for: message.term, granted: granted)
    case .vote(let last, let transfer): onVote(from: message.from, last: last, transfer: transfer)
    case .voteReply(let granted): onVoteReply(from: message.from, granted: granted)
    case .append(let previous, let commit, let entries):
      if heard(leader: message.from) { onAppend(previous: previous, commit: commit, entries: entries) }
    case .heartbeat(let commit, let round):
      if heard(leader: message.from) { onHeartbeat(commit: commit, round: round) }
    case .commit(let index): if heard(leader: message.from) { advanceCommit(to: min(index, log.lastIndex)) }
    case .snapshot(let metadata): if heard(leader: message.from) { onSnapshot(metadata) }
    case .appendAccepted(let index): onAppendAccepted(from: message.from, index: index)
    case .appendRejected(let previous, let hint): onAppendRejected(from: message.from, previous: previous, hint: hint)
    case .heartbeatReply(let round): onHeartbeatReply(from: message.from, round: round)
    case .timeoutNow: onTimeoutNow(from: message.from)
    default: break
    }
  }

  /// Someone leads this term. Returns false (and halts) if that cannot be.
  private mutating func heard(leader other: MemberID) -> Bool {
    if role == .leader {
      halt("\(other) leads the same term: an election was won twice. Compare both members' journals")
      return false
    }
    if let leader, leader != other {
      halt("\(other) and \(leader) both lead it: an election was won twice. Compare both members' journals")
      return false
    }
    if role != .follower || leader == nil { becomeFollower(term: term, leader: other) }
    elapsed = 0
    refusesUntil = nil
    return true
  }

  mutating func send(_ body: RaftMessage.Body, to other: MemberID, term: UInt64? = nil, afterPersisting: Bool = false) {
    let message = RaftMessage(from: id, to: other, term: term ?? self.term, body: body)
    if afterPersisting && !has(.acknowledgesBeforePersisting) || other == id {
      pending.held.append(PendingOutput.Held(message: message, sequence: nil))
    } else {
      pending.messages.append(message)
    }
  }
}
