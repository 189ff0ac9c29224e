import Primitives

/// The leader's side of replication: what to send to whom, once per output, so that proposals made meanwhile travel together.
extension RaftNode {
  mutating func replicate() {
    for place in leading.peers.indices { replicate(to: place) }
  }

  private mutating func replicate(to place: Int) {
    switch leading.peers[place].state {
    case .snapshot: return
    case .probing:
      guard !leading.peers[place].isPaused else { return }
      if leading.peers[place].needsProbe || leading.peers[place].next <= log.lastIndex { sendEntries(to: place) }
    case .replicating:
      while leading.peers[place].state == .replicating, leading.peers[place].next <= log.lastIndex, hasRoom(place) {
        sendEntries(to: place)
      }
      if leading.peers[place].needsProbe { sendProbe(to: place) }
    }
    tellCommit(to: place)
  }

  private func hasRoom(_ place: Int) -> Bool {
    let inflight: Inflight = leading.peers[place].inflight
    return inflight.count < configuration.maxInflightMessages && inflight.bytes < configuration.maxInflightBytes
  }

  private mutating func sendEntries(to place: Int) {
    let next: UInt64 = leading.peers[place].next
    guard next >= log.firstIndex, let previousTerm = log.term(at: next - 1) else { return sendSnapshot(to: place) }
    let entries: [Entry] = Array(
      log.slice(
        from: next, upTo: log.lastIndex, count: ConsensusLimits.maxEntriesPerMessage, bytes: configuration.maxEntryBytesPerMessage))
    let previous = LogPosition(term: previousTerm, index: next - 1)
    send(.append(previous: previous, commit: commit, entries: entries), to: leading.peers[place].id)
    leading.peers[place].needsProbe = false
    let last: UInt64 = previous.index + UInt64(entries.count)
    if leading.peers[place].state == .replicating {
      leading.peers[place].next = last + 1
      leading.peers[place].inflight.add(last: last, bytes: entries.reduce(0) { $0 + $1.weight })
    } else {
      leading.peers[place].isPaused = true
    }
    leading.peers[place].toldCommit = max(leading.peers[place].toldCommit, min(commit, last))
  }

  /// Asks whether the last entry sent has arrived; a follower with a gap refuses it.
  private mutating func sendProbe(to place: Int) {
    leading.peers[place].needsProbe = false
    let last: UInt64 = leading.peers[place].next - 1
    guard let term = log.term(at: last) else { return leading.peers[place].becomeProbing(next: leading.peers[place].match + 1) }
    send(.append(previous: LogPosition(term: term, index: last), commit: commit, entries: []), to: leading.peers[place].id)
  }

  /// A follower answers its own clients when it has applied, so it is told of commits at once and not with the next heartbeat.
  private mutating func tellCommit(to place: Int) {
    let known: UInt64 = min(commit, leading.peers[place].match)
    guard known > leading.peers[place].toldCommit else { return }
    leading.peers[place].toldCommit = known
    send(.commit(index: known), to: leading.peers[place].id)
  }

  mutating func onAppendAccepted(from follower: MemberID, index: UInt64) {
    guard role == .leader, index <= log.lastIndex, let place = leading.index(of: follower) else { return }
    leading.peers[place].lastHeard = now
    leading.peers[place].inflight.acknowledge(upTo: index)
    let hasNews: Bool = index > leading.peers[place].match
    if hasNews {
      leading.peers[place].match = index
      leading.peers[place].next = max(leading.peers[place].next, index + 1)
    }
    switch leading.peers[place].state {
    case .probing: if index >= leading.peers[place].match { leading.peers[place].becomeReplicating() }
    case .snapshot(let sent, _):
      if leading.peers[place].match >= log.base.index {
        leading.peers[place].becomeReplicating()
      } else if leading.peers[place].match >= sent.index {
        // It has the snapshot, and the log has forgotten more meanwhile: it needs the next one.
        leading.peers[place].becomeProbing(next: leading.peers[place].match + 1)
      }
    case .replicating: break
    }
    if hasNews {
      commitWhatMajorityHas()
      continueTransfer()
    }
  }

  mutating func onAppendRejected(from follower: MemberID, previous: UInt64, hint: LogPosition) {
    guard role == .leader, let place = leading.index(of: follower) else { return }
    leading.peers[place].lastHeard = now
    let peer: Progress = leading.peers[place]
    let next: UInt64 = log.agreement(with: hint).index + 1
    switch peer.state {
    case .snapshot: return
    // Answers to what was sent before the last change of mind say nothing any more.
    case .replicating: if previous > peer.match { leading.peers[place].becomeProbing(next: min(next, previous)) }
    case .probing: if previous == peer.next - 1 { leading.peers[place].becomeProbing(next: min(next, previous)) }
    }
  }
}
