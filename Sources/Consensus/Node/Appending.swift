import Primitives

/// The follower's side of replication (paper §5.3).
extension RaftNode {
  mutating func onHeartbeat(commit: UInt64, round: UInt64) {
    advanceCommit(to: min(commit, log.lastIndex))
    if let leader { send(.heartbeatReply(round: round), to: leader) }
  }

  mutating func onAppend(previous: LogPosition, commit newCommit: UInt64, entries: [Entry]) {
    guard let leader else { return }
    let end: UInt64 = previous.index + UInt64(entries.count)
    if previous.index < log.base.index {
      // Older than what was compacted, which is committed: tell how far that is.
      return send(.appendAccepted(index: commit), to: leader, afterPersisting: true)
    }
    guard log.contains(previous) else {
      let hint: LogPosition = log.agreement(with: LogPosition(term: previous.term, index: previous.index))
      return send(.appendRejected(previous: previous.index, hint: hint), to: leader, afterPersisting: true)
    }
    guard adopt(entries) else { return }
    if has(.cutsLogOnLateAppends), end < log.lastIndex, end >= log.firstIndex { log.truncate(from: end + 1) }
    advanceCommit(to: min(newCommit, end))
    send(.appendAccepted(index: end), to: leader, afterPersisting: true)
  }

  /// Skips what is there already; what contradicts it goes, with everything behind it. Returns false after a halt.
  private mutating func adopt(_ entries: [Entry]) -> Bool {
    for (offset, entry) in entries.enumerated() {
      guard let term = log.term(at: entry.index) else { return appendAsFollower(entries[offset...]) }
      guard term != entry.term else { continue }
      if entry.index <= commit {
        halt(
          "the leader \(leader.map(\.description) ?? "") sends entry \(entry.index) of term \(entry.term) where one of term \(term) is committed. Compare both members' journals"
        )
        return false
      }
      log.truncate(from: entry.index)
      pending.truncate(from: entry.index)
      if memberships.truncate(from: entry.index) { resetTimeout() }
      return appendAsFollower(entries[offset...])
    }
    return true
  }

  private mutating func appendAsFollower(_ entries: ArraySlice<Entry>) -> Bool {
    for entry in entries {
      if entry.kind == .membership {
        guard let membership = try? Membership.decode(entry.payload) else {
          halt("entry \(entry.index) should hold a membership and does not: the leader runs another version")
          return false
        }
        memberships.append(membership, at: entry.index)
      }
      log.append(entry)
    }
    return true
  }
}
