import Primitives

/// Membership changes on the leader (paper §6).
extension RaftNode {
  mutating func takeMembershipChange(_ payloads: [Bytes]) -> ProposalResult {
    guard payloads.count == 1, let change = try? MembershipChange.decode(payloads[0]),
      change.attachment.count <= ConsensusLimits.maxAttachment
    else { return .dropped(.invalidMembership) }
    // A leader that has committed nothing of its own term may not know of a change that is committed (Ongaro, raft-dev, July 2015).
    guard commit >= leading.termStart, commit >= memberships.currentIndex, !membersNow.isJoint else {
      return .dropped(.membershipChangePending)
    }
    guard let next = try? change.applied(to: membersNow) else { return .dropped(.invalidMembership) }
    let index: UInt64 = log.lastIndex + 1
    appendMembership(next, attachment: change.attachment)
    return .appended(index: index, term: term)
  }

  private mutating func appendMembership(_ membership: Membership, attachment: Bytes = []) {
    appendAsLeader(kind: .membership, payload: membership.encoded(attachment: attachment))
    memberships.append(membership, at: log.lastIndex)
    let known: [Progress] = leading.peers
    // Whoever leaves is served until it knows that it has left.
    let served: [MemberID] = Array(Set(membership.members + known.map(\.id))).sorted()
    leading.peers = served.filter { $0 != id }.map { member in
      if let peer = known.first(where: { $0.id == member }) { return peer }
      var peer = Progress(id: member, next: log.lastIndex, now: now)
      peer.needsProbe = true
      return peer
    }
  }

  /// Once a tick: forgets those who left and know it, or do not answer.
  mutating func forgetThoseWhoLeft() {
    let membership: Membership = membersNow
    let index: UInt64 = memberships.currentIndex
    guard commit >= index, leading.peers.contains(where: { !membership.isMember($0.id) }) else { return }
    let oldest: UInt64 = now - min(now, UInt64(4 * timing.electionTicks))
    leading.peers.removeAll { !membership.isMember($0.id) && ($0.toldCommit >= index || $0.lastHeard < oldest) }
  }

  /// After every advance of the commit index: a joint configuration that is committed is left, whoever began it; a leader that is no
  /// voter any more makes room once that is committed.
  mutating func continueMembershipChange() {
    guard commit >= memberships.currentIndex, commit >= leading.termStart else { return }
    if membersNow.isJoint {
      appendMembership(membersNow.left)
    } else if !membersNow.isVoter(id) {
      let successor: Progress? = leading.peers.filter { membersNow.isVoter($0.id) }.max { left, right in
        (left.match, priority(of: left.id)) < (right.match, priority(of: right.id))
      }
      if let successor { send(.timeoutNow, to: successor.id) }
      tellOthersOfCommit()
      becomeFollower(term: term, leader: nil)
    }
  }

  private mutating func tellOthersOfCommit() {
    for peer in leading.peers where peer.match > 0 { send(.commit(index: min(commit, peer.match)), to: peer.id) }
  }
}
