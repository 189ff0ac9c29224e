import Primitives

/// A member whose log was damaged comes back (Alagappan et al., "Protocol-Aware Recovery for Consensus-Based Storage", FAST 2018, in the
/// simple
/// form: the whole log from the leader instead of single entries).
///
/// Why it is safe. The member kept its term and vote, so it follows no leader older than one that it has acknowledged entries of, and votes
/// twice in no term. Let e be an entry that is committed thanks to one of its lost acknowledgements, given in a term t, not above its own.
/// The leader L that it asks has a term T, not below its own, so t <= T.
/// - If t = T, L made e, and e lies at or before the end of L's log at the moment of its answer.
/// - If t < T, L was elected without a vote that this member gave after the loss, and every vote that it gave before was given by a log
/// that
///   held e; so the leader completeness of Raft (paper §5.4.3) holds for L as ever: e is in L's log, and before the entry that began T.
/// So whatever it may have acknowledged lies at or before the index that L answers. Once its log is on disk and committed up to there, it
/// holds
/// all of that again, and its vote is as good as before. It does not matter whether L still leads then: what is committed is in every
/// later leader's log.
///
/// What it acknowledges meanwhile counts: those entries are on its disk.
extension RaftNode {
  /// On the leader: a member says that its log was damaged. Forgets what it acknowledged and asks from the end backwards. Returns up to
  /// where it must catch up before it may vote; nil where this member does not lead.
  public mutating func lost(by member: MemberID) -> (term: UInt64, index: UInt64)? {
    guard role == .leader, !isHalted, let place = leading.index(of: member) else { return nil }
    leading.peers[place].match = 0
    leading.peers[place].matchAtHeartbeat = 0
    leading.peers[place].toldCommit = 0
    leading.peers[place].becomeProbing(next: log.lastIndex + 1)
    return (term, log.lastIndex)
  }

  /// The log is on disk and committed up to what a leader answered to `lost(by:)`, and the disk knows that the repair is over.
  public mutating func endRepair() {
    guard isRepairing else { return }
    isRepairing = false
    elapsed = 0
    resetTimeout()
  }

  /// The last entry known to be on this member's disk.
  public var durableIndex: UInt64 { log.durable }
}
