import Primitives

/// Linearizable reads without a log entry (thesis §6.4): the leader notes its commit index, hears from a majority that it still
/// leads, and the reader waits until it has applied that far. All reads asked between two outputs share one round.
struct PendingReads: Sendable {
  struct Request: Sendable {
    var origin: MemberID
    var context: UInt64
  }
  struct InRound: Sendable {
    var request: Request
    var round: UInt64
    var index: UInt64
  }
  struct Forwarded: Sendable {
    var id: UInt64
    var context: UInt64
    var since: UInt64
  }

  /// On the leader: the newest round; the newest that a majority confirmed.
  var round: UInt64 = 0
  var confirmed: UInt64 = 0
  var waiting: [Request] = []
  var inRounds: [InRound] = []
  /// On others: asked of the leader.
  var forwarded: [Forwarded] = []
  /// Answered, to be served once applied that far.
  var ready: [ReadState] = []

  mutating func startLeading() {
    round = 0
    confirmed = 0
  }
}

extension RaftNode {
  /// Asks for a linearizable read. `context` comes back in `RaftOutput.reads`, or in `droppedReads`: then ask again.
  public mutating func readIndex(_ context: UInt64) {
    guard !isHalted, pendingReadCount < ConsensusLimits.maxPendingReads else { return pending.droppedReads.append(context) }
    if role == .leader {
      reads.waiting.append(PendingReads.Request(origin: id, context: context))
    } else if let leader {
      nextForward &+= 1
      reads.forwarded.append(PendingReads.Forwarded(id: nextForward, context: context, since: now))
      send(.readIndex(context: nextForward), to: leader)
    } else {
      pending.droppedReads.append(context)
    }
  }

  private var pendingReadCount: Int { reads.waiting.count + reads.inRounds.count + reads.forwarded.count + reads.ready.count }

  mutating func onForwardedRead(from origin: MemberID, context: UInt64) {
    guard role == .leader, pendingReadCount < ConsensusLimits.maxPendingReads else { return }
    reads.waiting.append(PendingReads.Request(origin: origin, context: context))
  }

  mutating func onReadAnswer(context: UInt64, index: UInt64) {
    guard let place = reads.forwarded.firstIndex(where: { $0.id == context }) else { return }
    reads.ready.append(ReadState(context: reads.forwarded[place].context, index: index))
    reads.forwarded.remove(at: place)
  }

  /// Sends the next round, once per output.
  mutating func startWaitingReads() {
    guard !reads.waiting.isEmpty, role == .leader else { return }
    // Before an entry of its own term is committed, a leader does not know how far the log is committed (paper §8).
    guard commit >= leading.termStart || has(.readsBeforeOwnTermCommits) else { return }
    guard reads.round - reads.confirmed < UInt64(ConsensusLimits.maxReadRoundsInFlight) else { return }
    reads.round += 1
    for request in reads.waiting {
      reads.inRounds.append(PendingReads.InRound(request: request, round: reads.round, index: commit))
    }
    reads.waiting.removeAll(keepingCapacity: true)
    for place in leading.peers.indices where membersNow.isVoter(leading.peers[place].id) {
      let known: UInt64 = min(commit, leading.peers[place].match)
      send(.heartbeat(commit: known, round: reads.round), to: leading.peers[place].id)
    }
    serveConfirmedReads()
  }

  mutating func serveConfirmedReads() {
    let confirmed: UInt64 = membersNow.quorumValue { member in
      member == id ? reads.round : (leading.index(of: member).map { leading.peers[$0].confirmedRound } ?? 0)
    }
    reads.confirmed = has(.readsWithoutQuorum) ? reads.round : max(reads.confirmed, confirmed)
    guard let first = reads.inRounds.first, first.round <= reads.confirmed else { return }
    let served: Int = reads.inRounds.firstIndex { $0.round > reads.confirmed } ?? reads.inRounds.count
    for read in reads.inRounds[..<served] {
      if read.request.origin == id {
        reads.ready.append(ReadState(context: read.request.context, index: read.index))
      } else {
        send(.readIndexReply(context: read.request.context, index: read.index), to: read.request.origin)
      }
    }
    reads.inRounds.removeFirst(served)
  }

  /// The leader steps down: its own readers are told, those of others hear nothing and find out by their own clock or leader.
  mutating func dropLeaderReads() {
    for request in reads.waiting + reads.inRounds.map(\.request) where request.origin == id {
      pending.droppedReads.append(request.context)
    }
    reads.waiting.removeAll()
    reads.inRounds.removeAll()
  }

  mutating func dropForwardedReads() {
    pending.droppedReads += reads.forwarded.map(\.context)
    reads.forwarded.removeAll()
  }

  mutating func expireForwardedReads() {
    let limit = UInt64(timing.electionTicks)
    while let oldest = reads.forwarded.first, now - oldest.since >= limit {
      pending.droppedReads.append(oldest.context)
      reads.forwarded.removeFirst()
    }
  }
}
