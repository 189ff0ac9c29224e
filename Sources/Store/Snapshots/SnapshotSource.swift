import Consensus
import Logging
import Primitives
import SiteLink

/// Who sends a snapshot: the nearest member that has enough. The leader decides and stays the one that consensus asks and tells.
///
/// ```
///   leader ── wanted {message of the leader, to f} ──▶ source ══ begin, chunks, end {that message} ══▶ f (far from the leader)
///      ▲◀── report {f, alive | failed} ──────────────────┘                                            │
///      └◀──────────────── accepted (consensus) ─────────────────────────────────────────────────────┘
/// ```
struct SnapshotDelegation {
  var source: MemberID
  var lastProgress: MonotonicTime
}

extension MemberCore {
  /// Consensus wants a member to have a snapshot.
  func sendSnapshot(for message: RaftMessage) {
    guard case .snapshot(let minimum) = message.body, delegations[message.to] == nil else { return }
    let choice: SourceChoice = snapshotSource(for: message.to, atLeast: minimum.index)
    // Consensus offers it again with the next heartbeat.
    if case .notYetKnown = choice { return node.snapshotReported(to: message.to, delivered: false) }
    if case .neighbour(let source) = choice,
      link.send(bytes: StoreFrame.snapshotWanted(message).encodedBytes(), to: source, priority: .normal)
    {
      delegations[message.to] = SnapshotDelegation(source: source, lastProgress: now)
      metrics.snapshotsDelegated.increment()
      return logger.info("a neighbour sends a snapshot", metadata: ["to": "\(name(of: message.to))", "from": "\(name(of: source))"])
    }
    if !startSending(message, atLeast: minimum.index) { node.snapshotReported(to: message.to, delivered: false) }
  }

  private enum SourceChoice {
    case own, neighbour(MemberID)
    /// A new leader has not heard yet how far one is that would be nearer; it may be sending already.
    case notYetKnown
  }

  /// One that is nearer to the receiver than we are, answers, and has the log that far. What is under way from here goes on from here.
  private func snapshotSource(for receiver: MemberID, atLeast index: UInt64) -> SourceChoice {
    guard senders[receiver] == nil, let target: LinkPeer = roster.first(where: { $0.id == receiver })?.linkPeer,
      let own: LinkPeer = roster.first(where: { $0.id == configuration.memberID })?.linkPeer
    else { return .own }
    var best: (rank: Int, choice: SourceChoice) = (own.distance(to: target).rank, .own)
    for peer in node.status.peers where peer.id != receiver && peer.replication != .snapshot {
      guard peer.silentTicks < StoreLimits.relaySilenceTicks, poorSources[peer.id].map({ $0 <= now }) ?? true,
        let candidate: LinkPeer = roster.first(where: { $0.id == peer.id })?.linkPeer
      else { continue }
      let rank: Int = candidate.distance(to: target).rank
      guard rank < best.rank else { continue }
      if peer.replication == .replicating, peer.match >= index {
        best = (rank, .neighbour(peer.id))
      } else if peer.replication == .probing, now - leaderSince < StoreLimits.snapshotReports {
        best = (rank, .notYetKnown)
      }
    }
    return best.choice
  }

  // MARK: On the source

  func onSnapshotWanted(_ message: RaftMessage, from leader: MemberID) throws(MalformedBytes) {
    guard case .snapshot(let minimum) = message.body, message.from == leader, message.to != configuration.memberID else {
      throw MalformedBytes("a snapshot for \(message.to) is wanted by \(message.from)", offset: 0)
    }
    // Of our own term and leader: then everything applied here is in its log (leader completeness, Raft paper §5.4).
    guard node.currentTerm == message.term, node.currentLeader == leader, startSending(message, atLeast: minimum.index) else {
      return reportSnapshot(to: message.to, leader: leader, isAlive: false)
    }
  }

  /// To the leader that wants it: consensus there must hear now and then that the snapshot still travels, or that it does not.
  func reportSnapshot(to member: MemberID, leader: MemberID, isAlive: Bool) {
    if leader == configuration.memberID { return node.snapshotReported(to: member, delivered: isAlive) }
    _ = link.send(bytes: StoreFrame.snapshotReport(receiver: member, isAlive: isAlive).encodedBytes(), to: leader, priority: .normal)
  }

  func reportProgress(to member: MemberID) {
    guard let sender: SnapshotSender = senders[member], now - sender.lastReport > StoreLimits.snapshotReports else { return }
    senders[member]?.lastReport = now
    reportSnapshot(to: member, leader: sender.message.from, isAlive: true)
  }

  // MARK: On the leader

  func onSnapshotReport(_ receiver: MemberID, isAlive: Bool, from source: MemberID) {
    guard delegations[receiver]?.source == source else { return }
    if isAlive {
      delegations[receiver]?.lastProgress = now
      node.snapshotReported(to: receiver, delivered: true)
    } else {
      endDelegation(of: receiver, "\(name(of: source)) could not send it")
    }
  }

  private func endDelegation(of receiver: MemberID, _ reason: String) {
    guard let delegation: SnapshotDelegation = delegations.removeValue(forKey: receiver) else { return }
    poorSources[delegation.source] = now + StoreLimits.snapshotPatience
    logger.warning("a snapshot was not delivered by a neighbour", metadata: ["to": "\(name(of: receiver))", "reason": "\(reason)"])
    node.snapshotReported(to: receiver, delivered: false)
  }

  func watchDelegations() {
    guard !delegations.isEmpty else { return }
    guard node.isLeader else { return delegations = [:] }
    let open: Set<MemberID> = Set(node.status.peers.filter { $0.replication == .snapshot }.map(\.id))
    for (receiver, delegation) in delegations.sorted(by: { $0.key < $1.key }) {
      if !open.contains(receiver) {
        delegations[receiver] = nil
      } else if now - delegation.lastProgress > StoreLimits.snapshotPatience {
        endDelegation(of: receiver, "nothing was heard of it from \(name(of: delegation.source)) for \(StoreLimits.snapshotPatience)")
      }
    }
  }
}

extension LinkDistance {
  var rank: Int {
    switch self {
    case .sameCenter: 0
    case .sameCity: 1
    case .far: 2
    }
  }
}
