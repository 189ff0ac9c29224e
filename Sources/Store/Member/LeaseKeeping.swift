import Consensus
import Keyspace
import Primitives

/// Leases: their time is the leader's, and nobody revokes one who is not confirmed leader.
extension MemberCore {
  /// A new leader gives every lease its whole time again, once it has applied what the leaders before it committed.
  func startLeasesIfDue() {
    guard !leasesStarted, node.isLeader, keyspace.appliedIndex >= node.commitIndex, let last: Entry = node.entry(at: node.commitIndex),
      last.term == node.currentTerm
    else { return }
    leasesStarted = true
    leases.restart(keyspace, now: now, grace: configuration.tick * 16)
  }

  func noteLeases(_ command: KeyspaceCommand, _ result: Result<CommandResult, KeyspaceError>) {
    guard leasesStarted, case .success(let success) = result else { return }
    if case .leaseGranted(let grant, _) = success { leases.start(grant.id, ttlSeconds: grant.ttlSeconds, now: now) }
    if case .revokeLease(let id) = command { leases.stop(id) }
  }

  /// Expired leases are revoked through the log, after a majority has confirmed that this member still leads.
  func revokeExpiredLeases() {
    guard leasesStarted else { return }
    let expired: [Int64] = leases.expired(now: now)
    guard !expired.isEmpty else { return }
    let term: UInt64 = node.currentTerm
    linearize { [unowned self] error in
      guard error == nil, self.node.isLeader, self.node.currentTerm == term, self.leasesStarted else { return }
      // A keep-alive may have come while the majority was asked: `expired` gave it a second, a keep-alive gives its whole time.
      for id in expired where (self.leases.remaining(id, now: self.now) ?? .zero) <= .seconds(1) {
        self.metrics.leasesExpired.increment()
        self.submit(.revokeLease(id: id)) { _ in }
      }
    }
  }

  // MARK: Calls to the leader

  /// Asks whoever leads, this member included, until the deadline.
  func callLeader(_ call: LeaderCall, _ completion: @escaping CallTable.Completion) {
    if let failure { return completion(.failure(failure)) }
    guard calls.count < StoreLimits.pendingCalls else {
      return completion(.failure(KeyspaceError(.tooManyRequests, "\(calls.count) calls to the leader wait already")))
    }
    calls.add(call, deadline: now + configuration.requestTimeout, completion)
    resumeCalls()
  }

  /// Sends what is not under way, or answers it here.
  func resumeCalls() {
    guard calls.hasIdle, let leader: MemberID = node.currentLeader else { return }
    for (id, call) in calls.takeIdle() {
      if leader == configuration.memberID {
        answer(call) { [unowned self] answer in self.onAnswer(id, answer) }
      } else if !link.send(StoreFrame.call(id: id, call).encode(), to: leader, priority: .urgent) {
        calls.putBack(id)
      }
    }
  }

  func onCall(_ id: UInt64, _ call: LeaderCall, from member: MemberID) {
    answer(call) { [unowned self] answer in
      // A lost answer is asked for again.
      _ = self.link.send(StoreFrame.answer(id: id, answer).encode(), to: member, priority: .urgent)
    }
  }

  func onAnswer(_ id: UInt64, _ answer: LeaderAnswer) {
    if answer.outcome == .notLeader { return calls.putBack(id) }
    calls.take(id)?.completion(.success(answer.value))
  }

  private func answer(_ call: LeaderCall, _ completion: @escaping (LeaderAnswer) -> Void) {
    guard node.isLeader, leasesStarted else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
    linearize { [unowned self] error in
      guard error == nil, self.leasesStarted else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
      guard let granted: Int64 = self.keyspace.leaseTTL(call.lease) else {
        return completion(LeaderAnswer(outcome: .done, value: call.kind == .keepAlive ? 0 : -1))
      }
      switch call.kind {
      case .keepAlive:
        self.leases.start(call.lease, ttlSeconds: granted, now: self.now)
        completion(LeaderAnswer(outcome: .done, value: granted))
      case .remaining:
        let remaining: Duration = self.leases.remaining(call.lease, now: self.now) ?? .seconds(granted)
        completion(LeaderAnswer(outcome: .done, value: max(0, remaining.inNanoseconds / 1_000_000)))
      }
    }
  }
}
