import Consensus
import Keyspace
import Primitives

/// What callers ask for.
extension MemberCore {
  func submit(_ command: KeyspaceCommand, _ completion: @escaping ProposalTable.Completion) {
    if let refusal { return completion(.failure(refusal)) }
    // What was given to the journal waits there for space; more would only wait as well.
    if isDiskFull, node.isLeader {
      return completion(.failure(KeyspaceError(.noSpace, "the leader's disk (\(configuration.directory)) is full: free space")))
    }
    let durability: Durability
    do throws(KeyspaceError) {
      try command.check(configuration.requestLimits)
      durability = try self.durability(of: command)
    } catch { return completion(.failure(error)) }
    guard proposals.count < StoreLimits.pendingProposals else {
      metrics.proposalsFailed.increment()
      return completion(.failure(KeyspaceError(.tooManyRequests, "\(proposals.count) proposals wait already: try again in a moment")))
    }
    proposals.add(command, durability, deadline: now + configuration.requestTimeout, completion)
    scheduleDrain()
  }

  /// Proposes in this member's own term or never: what a leader knows by being the leader. `.dropped`: it is in no log and never will be.
  func submitAsLeader(_ command: KeyspaceCommand, _ completion: @escaping ProposalTable.Completion) {
    if let failure { return completion(.failure(failure)) }
    do throws(KeyspaceError) { try command.check(configuration.requestLimits) } catch { return completion(.failure(error)) }
    guard node.isLeader, proposals.count < StoreLimits.pendingProposals else {
      return completion(.failure(KeyspaceError(.dropped, "this member does not lead, or has too much to do: nothing was written")))
    }
    let (number, context, payload) = proposals.addOnce(command, deadline: now + configuration.requestTimeout, completion)
    if case .appended(_, let term) = node.propose([payload], context: context) {
      proposals.proposed([number], context: context, term: term)
    } else {
      proposals.putBack([number])
    }
    scheduleDrain()
  }

  /// Calls back once this member has applied everything that was committed when it was asked (or an error).
  func linearize(_ completion: @escaping (KeyspaceError?) -> Void) {
    if let refusal { return completion(refusal) }
    guard reads.count < StoreLimits.pendingReads else {
      return completion(KeyspaceError(.tooManyRequests, "\(reads.count) linearizable reads wait already: try again in a moment"))
    }
    reads.add(ReadTable.Waiting(deadline: now + configuration.requestTimeout, completion: completion))
    scheduleDrain()
  }

  func proposeWaiting() {
    while !proposals.queue.isEmpty, retriesAllowed {
      let (context, numbers, payloads): (UInt64, [UInt64], [Bytes]) = proposals.takeBatch()
      guard !numbers.isEmpty else { continue }
      switch node.propose(payloads, context: context) {
      case .appended(_, let term): proposals.proposed(numbers, context: context, term: term)
      case .forwarded: proposals.proposed(numbers, context: context, term: node.currentTerm)
      case .dropped(.tooLarge):
        for number in numbers {
          proposals.take(number)?.completion(.failure(KeyspaceError(.requestTooLarge, "the request is larger than a log entry may be")))
        }
      case .dropped:
        // Nothing was done. Tried again with the next tick or leader, until the deadline.
        proposals.putBack(numbers)
        retriesAllowed = false
      }
    }
  }

  func askWaitingReads() {
    guard !reads.waiting.isEmpty, retriesAllowed, node.currentLeader != nil else { return }
    node.readIndex(reads.ask())
  }

  func serve(_ context: UInt64) {
    for read in reads.take(context) { read.completion(nil) }
  }

  /// What was asked of a leader that is none any more goes to the next one at once, if that is known; else with the next tick, or when
  /// it is.
  func retryDropped(_ output: RaftOutput) {
    guard !output.droppedReads.isEmpty || !output.droppedProposals.isEmpty else { return }
    var isOutdated: Bool = output.droppedReads.isEmpty || output.leadership != nil
    for dropped in output.droppedProposals {
      let term: UInt64 = proposals.dropped(context: dropped.context) ?? 0
      // Also of one that was handing over when it said no, and has.
      let isGone: Bool = dropped.reason == .leaderChanged || dropped.reason == .transferring
      if !isGone || term >= node.currentTerm { isOutdated = false }
    }
    retriesAllowed = isOutdated && node.currentLeader != nil
    if retriesAllowed { scheduleDrain() }
  }

  func expireRequests() {
    let now: MonotonicTime = now
    let leader: Bool = node.currentLeader != nil
    for one in proposals.takeExpired(now) {
      metrics.proposalsFailed.increment()
      if one.proposed == nil, !leader {
        one.completion(.failure(KeyspaceError(.noLeader, "no leader for \(configuration.requestTimeout): nothing was written, try again")))
      } else if one.proposed == nil {
        one.completion(
          .failure(KeyspaceError(.dropped, "the leader took no more for \(configuration.requestTimeout): nothing was written")))
      } else {
        one.completion(
          .failure(
            KeyspaceError(.timeout, "no majority confirmed the write within \(configuration.requestTimeout): it may or may not happen")))
      }
    }
    for read in reads.takeExpired(now) {
      metrics.readsFailed.increment()
      read.completion(
        leader
          ? KeyspaceError(.timeout, "no majority confirmed the leader within \(configuration.requestTimeout), so the read could be old")
          : KeyspaceError(.noLeader, "no leader for \(configuration.requestTimeout): a serializable read is still answered"))
    }
    for call in calls.takeExpired(now) {
      call.completion(
        .failure(KeyspaceError(leader ? .timeout : .noLeader, "the leader did not answer within \(configuration.requestTimeout)")))
    }
  }
}
