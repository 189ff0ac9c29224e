import Primitives

extension RaftNode {
  // MARK: Taking

  /// What a snapshot of the state machine at `index` must be stored with; nil if `index` is compacted, or not handed out yet.
  public func snapshotMetadata(at index: UInt64) -> SnapshotMetadata? {
    guard index <= handedOut, let term = log.term(at: index) else { return nil }
    return SnapshotMetadata(index: index, term: term, membership: memberships.at(index))
  }

  /// The shell has a durable snapshot: entries up to it are forgotten but for the last `keeping`, which spare followers that
  /// are a little behind a snapshot.
  public mutating func snapshotTaken(_ metadata: SnapshotMetadata, keeping: UInt64 = 0) {
    guard metadata.index <= handedOut, metadata.index > (snapshot?.index ?? 0) else { return }
    snapshot = metadata
    let upTo: UInt64 = min(metadata.index - min(keeping, metadata.index), log.durable)
    log.compact(upTo: upTo)
    memberships.compact(upTo: log.base.index)
  }

  // MARK: Sending

  mutating func sendSnapshot(to place: Int) {
    guard let snapshot else { return halt("its log starts at \(log.firstIndex) but it has no snapshot") }
    // Whoever is silent gets it when it is heard again.
    guard now - leading.peers[place].lastHeard < UInt64(timing.electionTicks) else { return }
    leading.peers[place].becomeSnapshot(LogPosition(term: snapshot.term, index: snapshot.index), now: now)
    send(.snapshot(snapshot), to: leading.peers[place].id)
  }

  /// The shell tells what became of a `.snapshot` message: `delivered` when its bytes have arrived (the time until the
  /// acknowledgement counts from then), not delivered when it gave up; it is then offered again after the next heartbeat.
  /// A shell that sends for longer than `RaftTiming.snapshotTicks` calls it with `delivered` meanwhile.
  public mutating func snapshotReported(to follower: MemberID, delivered: Bool) {
    guard role == .leader, let place = leading.index(of: follower), case .snapshot(let position, _) = leading.peers[place].state else {
      return
    }
    if delivered {
      leading.peers[place].state = .snapshot(position, since: now)
    } else {
      leading.peers[place].becomeProbing(next: leading.peers[place].match + 1)
      leading.peers[place].isPaused = true
    }
  }

  mutating func expireSnapshots() {
    for place in leading.peers.indices {
      if case .snapshot(_, let since) = leading.peers[place].state, now - since >= UInt64(timing.snapshotTicks) {
        leading.peers[place].becomeProbing(next: leading.peers[place].match + 1)
      }
    }
  }

  // MARK: Receiving

  mutating func onSnapshot(_ metadata: SnapshotMetadata) {
    guard let leader else { return }
    if metadata.index <= commit {
      return send(.appendAccepted(index: commit), to: leader, afterPersisting: true)
    }
    if log.contains(LogPosition(term: metadata.term, index: metadata.index)) {
      advanceCommit(to: metadata.index)
      return send(.appendAccepted(index: metadata.index), to: leader, afterPersisting: true)
    }
    log.reset(to: LogPosition(term: metadata.term, index: metadata.index))
    pending.truncate(from: metadata.index + 1)
    memberships = Memberships(base: metadata.index, metadata.membership)
    snapshot = metadata
    commit = metadata.index
    handedOut = metadata.index
    appliedIndex = metadata.index
    pending.snapshot = metadata
    resetTimeout()
    send(.appendAccepted(index: metadata.index), to: leader, afterPersisting: true)
  }
}
