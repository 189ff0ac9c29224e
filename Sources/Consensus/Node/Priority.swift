import Primitives

/// Who leads rather: see the module's README, "Priority".
extension RaftNode {
  func priority(of member: MemberID) -> Int { priorities[member] ?? 0 }

  /// Distinct priorities above this member's own among the voters.
  var betterRanks: Int {
    let own: Int = priority(of: id)
    var better: [Int] = []
    for voter in membersNow.voters {
      let other: Int = priority(of: voter)
      if other > own && !better.contains(other) { better.append(other) }
    }
    return better.count
  }

  /// Changes who leads rather from now on, on this member. A leader that is no longer the best hands over in time.
  public mutating func setPriorities(_ priorities: [MemberID: Int]) {
    self.priorities = priorities
    leading.handover.target = nil
    leading.handover.notBefore = now
  }

  /// This member could lead as well as the candidate, and rather should: by priority, or, if both are asking just now, by the smaller
  /// id, so that one of them stands back. It then refuses and asks for itself at once. Only for a while, so that a better one whom
  /// nobody hears does not hold up the others.
  mutating func wouldRatherLead(than candidate: MemberID, last: LogPosition) -> Bool {
    let own: Int = priority(of: id)
    let other: Int = priority(of: candidate)
    let isBetter: Bool = own > other || (own == other && role == .preCandidate && id < candidate)
    guard isBetter, mayLead, !standsAside, log.last >= last else { return false }
    if let refusesUntil { return now < refusesUntil }
    refusesUntil = now + patienceForBetter
    return true
  }

  /// How long a member gives way, or makes others give way, to one that is placed better.
  var patienceForBetter: UInt64 { UInt64(max(2 * timing.heartbeatTicks, timing.electionTicks / 4)) }

  /// On the leader, once a tick: hands over to a better placed voter that has been near the end of the log for long enough.
  mutating func considerHandover() {
    guard leading.transfer == nil, !membersNow.isJoint, let best = betterVoter() else {
      leading.handover.target = nil
      return
    }
    if leading.handover.target != best {
      leading.handover.target = best
      leading.handover.since = now
    }
    guard now >= leading.handover.notBefore, now - leading.handover.since >= UInt64(timing.handoverTicks) else { return }
    startTransfer(to: best, isAutomatic: true)
  }

  private func betterVoter() -> MemberID? {
    var best: MemberID?
    var bestPriority: Int = priority(of: id)
    for peer in leading.peers where membersNow.voters.contains(peer.id) && peer.state == .replicating {
      let other: Int = priority(of: peer.id)
      guard other > bestPriority, now - peer.lastHeard <= UInt64(2 * timing.heartbeatTicks + timing.electionTicks / 4),
        // It has written something down in this term: a disk that stalls does not.
        peer.match >= leading.termStart, peer.match + ConsensusLimits.transferLag >= log.lastIndex
      else { continue }
      best = peer.id
      bestPriority = other
    }
    return best
  }
}
