import Consensus
import Keyspace
import Primitives

/// Leases: their time is the leader's, and nobody revokes one who is not confirmed leader. `LeaseKeeper` decides, this carries it out.
extension MemberCore {
  /// Once this leader has applied what the leaders before it committed.
  func startLeasesIfDue() {
    guard !leases.isKeeping, node.isLeader, keyspace.appliedIndex >= node.commitIndex, let last: Entry = node.entry(at: node.commitIndex),
      last.term == node.currentTerm
    else { return }
    leases.begin(keyspace, now: now, grace: configuration.tick * 16)
  }

  func noteLeases(_ command: KeyspaceCommand, _ result: Result<CommandResult, KeyspaceError>) {
    if publishes, case .success(let success) = result {
      if case .leaseGranted(let grant, _) = success { metrics.operations.granted(grant) }
      if case .compacted = success { metrics.operations.lastCompaction.record(clock.wall().secondsSince1970) }
    }
    guard leases.isKeeping, case .success(let success) = result else { return }
    if case .leaseGranted(let grant, _) = success { leases.onGranted(grant, now: now) }
    if case .revokeLease(let id) = command { leases.onRevoked(id) }
    // Here and not where the proposal is answered: one that was given up on may still be applied.
    if case .checkpointLeases(let checkpoints) = command { leases.checkpointsDecided(checkpoints) }
  }

  /// Expired leases are revoked through the log, after a majority has confirmed that this member still leads, in this term or never.
  func revokeExpiredLeases() {
    let expired: [Int64] = leases.expired(now: now)
    guard !expired.isEmpty else { return }
    let term: UInt64 = node.currentTerm
    if has(.revokesAsAnyone) { return leases.revocations(of: expired).forEach { submit(.revokeLease(id: $0)) { _ in } } }
    linearize { [unowned self] error in
      guard error == nil, self.node.isLeader, self.node.currentTerm == term else { return }
      for id in self.leases.revocations(of: expired) {
        self.metrics.leasesExpired.increment()
        self.submitAsLeader(.revokeLease(id: id)) { [unowned self] result in
          // After a timeout it may still be in the log: nobody keeps this lease alive any more.
          if case .failure(let error) = result, error.code == .dropped { self.leases.revocationDropped(id) }
        }
      }
    }
  }

  func checkpointLeases() {
    let checkpoints: [LeaseCheckpoint] = leases.checkpoints(now: now)
    if has(.losesCheckpoints) { return leases.checkpointsDecided(checkpoints) }
    if !checkpoints.isEmpty { propose(checkpoints) { _ in } }
  }

  private func propose(_ checkpoints: [LeaseCheckpoint], _ completion: @escaping (KeyspaceError?) -> Void) {
    submitAsLeader(.checkpointLeases(checkpoints)) { [unowned self] result in
      switch result {
      case .success: completion(nil)
      case .failure(let error):
        if error.code == .dropped { self.leases.checkpointsDecided(checkpoints) }
        completion(error)
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
      } else if !link.send(bytes: StoreFrame.call(id: id, call).encodedBytes(), to: leader, priority: .urgent) {
        calls.putBack(id)
      }
    }
  }

  func onCall(_ id: UInt64, _ call: LeaderCall, from member: MemberID) {
    answer(call) { [unowned self] answer in
      // A lost answer is asked for again.
      _ = self.link.send(bytes: StoreFrame.answer(id: id, answer).encodedBytes(), to: member, priority: .urgent)
    }
  }

  func onAnswer(_ id: UInt64, _ answer: LeaderAnswer) {
    if answer.outcome == .notLeader { return calls.putBack(id) }
    calls.take(id)?.completion(.success(answer.value))
  }

  private func answer(_ call: LeaderCall, _ completion: @escaping (LeaderAnswer) -> Void) {
    guard node.isLeader, leases.isKeeping else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
    // Whoever asks this has applied the entry in the term of the leader that it asks, or an older one: that leader has the same entry.
    if call.kind == .citySafe || call.kind == .autoSafe { return answerSafety(call, completion) }
    linearize { [unowned self] error in
      guard error == nil, self.leases.isKeeping else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
      switch call.kind {
      case .keepAlive: self.keepAlive(call.lease, completion)
      case .remaining:
        let remaining: Int64 = self.leases.remaining(call.lease, self.keyspace, now: self.now).map { $0.inNanoseconds / 1_000_000 } ?? -1
        completion(LeaderAnswer(outcome: .done, value: remaining))
      case .citySafe, .autoSafe: self.answerSafety(call, completion)
      }
    }
  }

  private func keepAlive(_ lease: Int64, _ completion: @escaping (LeaderAnswer) -> Void) {
    switch leases.keepAlive(lease, keyspace, now: now) {
    case .gone: completion(LeaderAnswer(outcome: .done, value: 0))
    case .renewed(let ttlSeconds):
      metrics.operations.renewed.increment()
      completion(LeaderAnswer(outcome: .done, value: ttlSeconds))
    case .clearFirst where has(.answersBeforeClearing):
      completion(LeaderAnswer(outcome: .done, value: keyspace.leaseTTL(lease) ?? 0))
    case .clearFirst(let checkpoint):
      propose([checkpoint]) { [unowned self] error in
        guard error == nil, self.leases.isKeeping else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
        self.keepAlive(lease, completion)
      }
    }
  }
}
