import Primitives

extension RaftNode {
  public var status: RaftStatus {
    RaftStatus(
      id: id, role: role, term: term, vote: vote, leader: leader, commit: commit, applied: appliedIndex, firstIndex: log.firstIndex,
      lastIndex: log.lastIndex, lastTerm: log.last.term, durableIndex: log.durable, snapshotIndex: snapshot?.index ?? 0,
      membership: membersNow, transferringTo: leading.transfer?.target, uncommittedBytes: leading.uncommittedBytes,
      peers: leading.peers.map { peer in
        PeerStatus(
          id: peer.id, isVoter: membersNow.isVoter(peer.id), replication: peer.state.name, match: peer.match, next: peer.next,
          inflightMessages: peer.inflight.count, inflightBytes: peer.inflight.bytes, silentTicks: now - peer.lastHeard)
      })
  }

  /// On the leader: up to where a member's log is known to be on its disk; its own, too. nil on others, and for strangers.
  public func durableIndex(of member: MemberID) -> UInt64? {
    guard role == .leader else { return nil }
    return member == id ? log.durable : leading.index(of: member).map { leading.peers[$0].match }
  }

  /// The log's entries that are in memory, for checkers and diagnosis.
  public func entry(at index: UInt64) -> Entry? {
    guard index >= log.firstIndex, index <= log.lastIndex else { return nil }
    return log.entries[Int(index - log.firstIndex)]
  }
}

extension Progress.State {
  fileprivate var name: PeerStatus.Replication {
    switch self {
    case .probing: .probing
    case .replicating: .replicating
    case .snapshot: .snapshot
    }
  }
}
