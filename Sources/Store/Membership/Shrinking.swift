import Consensus
import Keyspace
import Logging
import Primitives

/// `ShrinkPolicy`'s shell: what the leader sees of the centers, and the changes of votes that follow.
extension MemberCore {
  /// Every member that shall vote, as the policy looks at it.
  func policyMembers() -> [ShrinkPolicy.Member] {
    let status: RaftStatus = node.status
    let ticks = UInt64(max(1, StoreLimits.presence.inNanoseconds / configuration.tick.inNanoseconds))
    return records.filter { $0.role == .voter }.map { record in
      let peer: PeerStatus? = status.peers.first { $0.id == record.id }
      let isOwn: Bool = record.id == configuration.memberID
      let isNear: Bool = peer.map { $0.replication == .replicating && $0.match + ConsensusLimits.transferLag >= status.lastIndex } ?? false
      return ShrinkPolicy.Member(
        id: record.id, center: record.center, city: record.city, votes: status.membership.isVoter(record.id),
        isThere: isOwn || (peer.map { $0.silentTicks < ticks && $0.match > 0 } ?? false), isCaughtUp: isOwn || isNear)
    }
  }

  /// With every tenth tick.
  func watchCenters() {
    guard node.isLeader, leases.isKeeping, !node.membership.isJoint, changes.active == nil, changes.queue.isEmpty else { return }
    let shrunk: [String] = keyspace.cluster.shrinks.filter { !$0.isHeld }.map(\.center)
    guard configuration.shrinkMode != .manual || !shrunk.isEmpty else { return }
    switch policy.tick(now: now, policyMembers(), shrunk: shrunk) {
    case nil: break
    case .shrink(let center):
      logger.warning("a center is gone: its votes are taken, so that the others survive another fault", metadata: ["center": "\(center)"])
      change(.shrink(Shrink(center: center, isHeld: false, since: clock.wall()))) { [unowned self] result in
        if case .failure(let error) = result { self.logger.warning("the center keeps its votes: \(error.message)") }
      }
    case .regrow(let center, let members):
      let steps: [MembershipChange.Step] = members.map { .init($0, .voter) }
      let change = MembershipChange(steps, attachment: KeyspaceCommand.cluster(.regrow(center: center)).encode())
      guard case .appended = node.proposeConfiguration(change) else { return }
      logger.notice("a center is back and votes again", metadata: ["center": "\(center)", "members": "\(members.count)"])
      scheduleDrain()
    }
  }

  /// What a shrink needs; nil: it may be carried out. Throws why it must not be.
  func isDrained(_ shrink: Shrink) throws(KeyspaceError) -> Bool {
    let members: [ShrinkPolicy.Member] = policyMembers()
    // By command also where it costs a fault: a center that is to be worked on. The policy's own word counts for what it may leave.
    if let objection: String = ShrinkPolicy.objection(to: shrink.center, members, configuration.shrinkMode, mustGain: false) {
      throw KeyspaceError(.unhealthy, "\(shrink.center) cannot lose its votes: \(objection)")
    }
    // The far city has everything that was written before the change: from then on majorities may not need it.
    let end: UInt64 = drainTarget ?? lastIndex
    drainTarget = end
    let left: [ShrinkPolicy.Member] = members.filter { $0.center != shrink.center && $0.votes && $0.isThere }
    for city in Set(left.map(\.city)) {
      let durable: UInt64 = left.filter { $0.city == city }.reduce(0) { max($0, node.durableIndex(of: $1.id) ?? 0) }
      guard durable >= end else { return false }
    }
    return true
  }

  /// The change of members that takes a center's votes.
  func steps(of shrink: Shrink) -> [MembershipChange.Step] {
    policyMembers().filter { $0.center == shrink.center && $0.votes }.map { .init($0.id, .learner) }
  }

  func isHeld(_ shrink: Shrink) -> Bool { shrink.isHeld || policyMembers().contains { $0.center == shrink.center && $0.isThere } }
}
