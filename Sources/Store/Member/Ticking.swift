import Consensus
import Keyspace
import Logging
import Primitives

/// Time, and who leads.
extension MemberCore {
  func tick() {
    guard failure == nil else { return }
    tickCount += 1
    node.tick()
    retriesAllowed = true
    if tickCount.isMultiple(of: 4) {
      expireRequests()
      publish()
    }
    if tickCount.isMultiple(of: 10) {
      revokeExpiredLeases()
      checkpointLeases()
      expireChanges()
      promoteThoseWhoCaughtUp()
      publishIfDue()
      forgetDeparted()
    }
    lag.note(index: lastIndex, now: now)
    compactIfDue()
    watchDisk()
    watchCities()
    resumeCalls()
    continueSending()
    scheduleDrain()
  }

  /// Every member keeps the time, so that a new leader knows at once what is old; only the leader proposes.
  private func compactIfDue() {
    guard let target: Int64 = compaction?.due(revision: keyspace.revision, now: now), node.isLeader, target > keyspace.compactedRevision
    else {
      return
    }
    submit(.compact(revision: target)) { _ in }
  }

  /// A leader that cannot write its own log makes everybody wait for the others' disks at best. It lets another lead.
  private func watchDisk() {
    guard node.isLeader, node.membership.voters.count > 1, let oldest: MonotonicTime = unsynced.first?.since else { return }
    let stalled: Duration = now - oldest
    guard stalled > configuration.diskStallLimit else { return }
    logger.warning("the disk stalls, giving up the leadership", metadata: ["milliseconds": "\(Int(stalled.inMilliseconds))"])
    unsynced[0].since = now
    node.resignLeadership()
  }

  func onLeadership(_ change: Leadership) {
    let before: Leadership? = leadership
    leadership = change
    if change.role != .leader || change.term != before?.term {
      leases.end()
      ledger.reset()
      dropHeld()
      for (member, sender) in senders { giveUpSending(to: member, sender.transfer, "the leadership changed") }
    }
    if change.leader != before?.leader {
      if change.leader != nil { metrics.leaderChanges.increment() }
      logger.info(
        change.leader == nil ? "no leader" : "leader",
        metadata: ["name": "\(change.leader.map(name(of:)) ?? "")", "term": "\(change.term)"])
      calls.retry()
    }
    retriesAllowed = true
    board.tell(
      LeadershipChange(
        leader: change.leader, leaderName: change.leader.flatMap { id in roster.first { $0.id == id }?.name },
        term: change.term, isLocal: change.role == .leader))
    startLeasesIfDue()
    publish()
    scheduleDrain()
  }
}
