import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// Time, and who leads.
extension MemberCore {
  func tick() {
    guard failure == nil else { return }
    tickCount += 1
    pulse.onTick(now: now)
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
      watchCenters()
      tellHorizon()
      publishIfDue()
      forgetDeparted()
    }
    if tickCount.isMultiple(of: 40) {
      noteTime()
      noteHorizon()
    }
    lag.note(index: lastIndex, now: now)
    compactIfDue()
    watchDisk()
    if keyspace.wantsTrimming { keyspace.trim(limit: KeyspaceLimits.trimmedPerTick) }
    keyspace.tidyValues()
    if let problem: KeyspaceError = keyspace.valueProblem { onUnreadableValue(problem) }
    askForRepair()
    continueRepair()
    watchCities()
    watchRelays()
    resumeCalls()
    continueSending()
    watchDelegations()
    scheduleDrain()
  }

  /// Every member keeps the time, so that a new leader knows at once what is old; only the leader proposes.
  private func compactIfDue() {
    let byTime: Int64 = compaction?.due(revision: keyspace.revision, now: now) ?? 0
    let byCount: Int64 = countedCompaction?.due(revision: keyspace.revision, now: now) ?? 0
    let target: Int64 = max(byTime, byCount)
    guard node.isLeader, target > keyspace.compactedRevision else { return }
    submit(.compact(revision: target)) { _ in }
  }

  /// A leader that cannot write its own log makes everybody wait for the others' disks at best. It lets another lead that is well.
  private func watchDisk() {
    let health: JournalHealth = journal.health
    // Alone, it stops taking writes while half a segment is left for its own needs; among others a leader goes on as long as it can.
    let isFull: Bool = health.waitsForSpace || (health.fullSince != nil && node.membership.voters.count == 1)
    if isFull != isDiskFull {
      isDiskFull = isFull
      if isFull {
        logger.error("the disk is full: nothing is lost, but this member can lead no writes; free space, and it goes on by itself")
      } else {
        logger.warning("the disk has space again")
      }
    }
    let stalled: Duration = unsynced.first.map { now - $0.since } ?? .zero
    let isStalled: Bool = stalled > configuration.diskStallLimit
    if isStalled || isFull { lastStall = now }
    // Not given back to one whose disk has only just come back, either.
    node.setStandsAside(lastStall.map { now - $0 < configuration.diskStallLimit * 5 } ?? false)
    guard isStalled, node.isLeader, node.membership.voters.count > 1 else { return }
    unsynced[0].since = now
    let isGone: Bool = node.abdicate()
    logger.warning(
      isGone ? "the disk stalls, giving up the leadership" : "the disk stalls, and nobody else is well enough to lead",
      metadata: ["milliseconds": "\(Int(stalled.inMilliseconds))"])
  }

  func onLeadership(_ change: Leadership) {
    let before: Leadership? = leadership
    leadership = change
    if change.leader != before?.leader { pulse.onLeadership(now: now) }
    if change.role != .leader || change.term != before?.term {
      leases.end()
      ledger.reset()
      policy.reset()
      drainTarget = nil
      repairsHeard = [:]
      dropHeld()
      delegations = [:]
      // Snapshots under way stay: the next leader wants the same members to have one.
    }
    if change.role != .leader { relays.reset() } else if before?.role != .leader { leaderSince = now }
    if change.leader != before?.leader {
      if change.leader != nil { metrics.leaderChanges.increment() }
      logger.info(
        change.leader == nil ? "no leader" : "leader",
        metadata: [
          "name": "\(change.leader.map(name(of:)) ?? "")", "term": "\(change.term)",
          "longest-silence-ms": "\(Int(pulse.longest.silence.inMilliseconds))",
          "longest-pause-ms": "\(Int(pulse.longest.pause.inMilliseconds))",
        ])
      calls.retry()
      #if DEBUG
        if has(.proposesAgainTooSoon) { proposals.putBackAll() }
      #endif
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
