import Primitives

/// The leader's clock: heartbeats, the check that a majority still answers, transfers and hand-over.
extension RaftNode {
  mutating func tickLeader() {
    if !hearsMajority() {
      becomeFollower(term: term, leader: nil)
      return
    }
    expireTransfer()
    expireSnapshots()
    forgetThoseWhoLeft()
    considerHandover()
    untilHeartbeat -= 1
    if untilHeartbeat <= 0 {
      untilHeartbeat = timing.heartbeatTicks
      broadcastHeartbeat()
    }
  }

  /// Check-quorum (thesis §6.2): a leader cut off from the majority steps down, so that its clients try elsewhere.
  private func hearsMajority() -> Bool {
    let heard: UInt64 = membersNow.quorumValue { member in
      member == id ? now : (leading.index(of: member).map { leading.peers[$0].lastHeard } ?? 0)
    }
    return now - heard < UInt64(timing.electionTicks)
  }

  mutating func broadcastHeartbeat() {
    for place in leading.peers.indices {
      let commit: UInt64 = min(self.commit, leading.peers[place].match)
      leading.peers[place].toldCommit = max(leading.peers[place].toldCommit, commit)
      send(.heartbeat(commit: commit, round: reads.round), to: leading.peers[place].id)
    }
  }

  mutating func onHeartbeatReply(from follower: MemberID, round: UInt64) {
    guard role == .leader, let place = leading.index(of: follower) else { return }
    leading.peers[place].lastHeard = now
    if round <= reads.round, round > leading.peers[place].confirmedRound {
      leading.peers[place].confirmedRound = round
      serveConfirmedReads()
    }
    let peer: Progress = leading.peers[place]
    switch peer.state {
    case .probing: leading.peers[place].isPaused = false
    case .replicating:
      // Nothing was acknowledged since the last heartbeat although something is under way: it may be lost.
      if peer.match < peer.next - 1, peer.match == peer.matchAtHeartbeat { leading.peers[place].needsProbe = true }
    case .snapshot(let position, let since):
      // Its acknowledgement may be lost: ask whether it has the snapshot. It refuses as long as it has not, which says nothing.
      if now - since >= UInt64(timing.electionTicks) {
        send(.append(previous: position, commit: min(commit, position.index), entries: []), to: follower)
      }
    }
    leading.peers[place].matchAtHeartbeat = peer.match
  }

  /// Gives the leadership to a voter that was heard just now and has everything that is committed, so that it can win at once; false, and
  /// nothing happens, where there is none. For a shell whose disk stalls: better slow than nobody.
  public mutating func abdicate() -> Bool {
    guard role == .leader else { return true }
    let recent = UInt64(2 * timing.heartbeatTicks + timing.electionTicks / 4)
    let isThere: Bool = leading.peers.contains { peer in
      membersNow.voters.contains(peer.id) && now - peer.lastHeard <= recent && peer.state == .replicating && peer.match >= commit
    }
    if isThere { resignLeadership() }
    return isThere
  }

  /// While set, this member does not let itself be made leader, nor hold up others because it is placed better: its disk stalls. It still
  /// votes, and stands for election when nobody else does.
  public mutating func setStandsAside(_ aside: Bool) { standsAside = aside }

  /// Gives the leadership up at once: for a shell whose disk stalls or that is about to stop. The best placed voter is asked to
  /// campaign, so that nobody has to wait for a timeout; if that is lost, the others notice as with a dead leader.
  public mutating func resignLeadership() {
    guard role == .leader else { return }
    let recent = UInt64(2 * timing.heartbeatTicks + timing.electionTicks / 4)
    let successors: [Progress] = leading.peers.filter { membersNow.isVoter($0.id) && now - $0.lastHeard <= recent }
    func rank(_ peer: Progress) -> (Int, Int, UInt64) { (peer.match >= commit ? 1 : 0, priority(of: peer.id), peer.match) }
    if let best = successors.max(by: { rank($0) < rank($1) }) { send(.timeoutNow, to: best.id) }
    becomeFollower(term: term, leader: nil)
  }
}
