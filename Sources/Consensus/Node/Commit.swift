import Primitives

extension RaftNode {
  /// Paper §5.3, §5.4.2: what a majority has on disk is committed if it is of the leader's own term, and everything before it with it.
  mutating func commitWhatMajorityHas() {
    guard role == .leader else { return }
    var index: UInt64 = deciding.quorumValue { member in
      member == id ? log.durable : (leading.index(of: member).map { leading.peers[$0].match } ?? 0)
    }
    if has(.commitsBelowMajority) {
      let seconds: [UInt64] = (leading.peers.map(\.match) + [log.durable]).sorted(by: >)
      index = max(index, seconds.count > 2 ? seconds[seconds.count / 2 - 1] : index)
    }
    guard index > commit, log.term(at: index) == term || has(.commitsOldTermsByCounting) else { return }
    advanceCommit(to: index)
  }

  mutating func advanceCommit(to index: UInt64) {
    guard index > commit else { return }
    precondition(index <= log.lastIndex, "commit index \(index) is beyond the log's end \(log.lastIndex)")
    if role == .leader {
      for place in (commit + 1)...index {
        leading.uncommittedBytes -= log.entries[Int(place - log.firstIndex)].weight
      }
    }
    commit = index
    guard role == .leader else { return }
    startWaitingReads()
    continueMembershipChange()
  }
}
