import Primitives

/// Becoming a follower, a candidate, a leader.
extension RaftNode {
  mutating func becomeFollower(term newTerm: UInt64, leader newLeader: MemberID?) {
    if role == .leader { stopLeading() }
    if newTerm != term {
      term = newTerm
      vote = nil
    }
    if leader != newLeader { dropForwardedReads() }
    role = .follower
    leader = newLeader
    answers.removeAll(keepingCapacity: true)
    if newLeader != nil {
      elapsed = 0
      resetTimeout()
    }
  }

  mutating func becomePreCandidate() {
    dropForwardedReads()
    role = .preCandidate
    leader = nil
    isTransferCampaign = false
    elapsed = 0
    untilHeartbeat = timing.heartbeatTicks
    resetTimeout()
    answers = [id: true]
  }

  mutating func becomeCandidate(transfer: Bool) {
    dropForwardedReads()
    role = .candidate
    leader = nil
    isTransferCampaign = transfer
    term += 1
    vote = id
    elapsed = 0
    untilHeartbeat = timing.heartbeatTicks
    resetTimeout()
    answers = [:]
  }

  mutating func becomeLeader() {
    role = .leader
    leader = id
    elapsed = 0
    untilHeartbeat = 0
    leading = Leading()
    leading.handover.notBefore = now
    leading.peers = membersNow.members.filter { $0 != id }.map { Progress(id: $0, next: log.lastIndex + 1, now: now) }
    for place in leading.peers.indices { leading.peers[place].needsProbe = true }
    if commit < log.lastIndex {
      for index in (commit + 1)...log.lastIndex { leading.uncommittedBytes += log.entries[Int(index - log.firstIndex)].weight }
    }
    reads.startLeading()
    // Entries of older terms commit only together with one of ours (paper §5.4.2).
    leading.termStart = log.lastIndex + 1
    appendAsLeader(kind: .empty, payload: [])
  }

  private mutating func stopLeading() {
    leading = Leading()
    dropLeaderReads()
    resetTimeout()
    elapsed = 0
  }

  mutating func resetTimeout() {
    let wait: Int = timing.electionTicks + timing.electionMarginTicks + betterRanks * timing.priorityTicks
    timeout = wait + Int(random.next() % UInt64(timing.electionJitterTicks))
  }

  /// The leader was heard so lately that nobody else shall be helped to its place.
  var hearsLeader: Bool { role == .leader || (leader != nil && elapsed < timing.electionTicks) }
}
