import Consensus
import Keyspace
import Logging
import NIOCore
import Primitives

/// Changes of members from the question to the answer. Any member takes the question; the leader checks and proposes one at a time.
/// A question is sent once: what became of it when the answer is lost, the list of members tells.
struct ChangeTable {
  typealias Completion = (Result<MemberID?, KeyspaceError>) -> Void
  struct Waiting {
    var change: MemberChange
    var deadline: MonotonicTime
    var completion: Completion
  }
  /// On the leader: waiting for their turn.
  var queue: [Waiting] = []
  /// On the leader: in the log.
  var active: (index: UInt64, term: UInt64, added: MemberID?, waiting: Waiting)?
  /// The leader's own entries (a list of members, addresses) that must be there first.
  var isPreparing: Bool = false
  /// Asked of another member.
  var asked: [UInt64: Waiting] = [:]
  var lastID: UInt64

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed ^ 0x4D45_4D42)
    lastID = random.next()
  }
}

extension MemberCore {
  /// Answers the id of a member that was added.
  func change(_ change: MemberChange, _ completion: @escaping ChangeTable.Completion) {
    if let failure { return completion(.failure(failure)) }
    let waiting = ChangeTable.Waiting(change: change, deadline: now + configuration.requestTimeout, completion: completion)
    guard changes.queue.count + changes.asked.count < StoreLimits.pendingChanges else {
      return completion(.failure(KeyspaceError(.tooManyRequests, "\(StoreLimits.pendingChanges) changes of members wait already")))
    }
    guard let leader: MemberID = node.currentLeader else {
      return completion(.failure(KeyspaceError(.noLeader, "no leader is known: members cannot be changed now")))
    }
    if leader == configuration.memberID {
      changes.queue.append(waiting)
      return continueChanges()
    }
    changes.lastID &+= 1
    let frame = StoreFrame.change(id: changes.lastID, command: change.command.encode())
    guard link.send(bytes: frame.encodedBytes(), to: leader, priority: .normal) else {
      return completion(.failure(KeyspaceError(.noLeader, "the leader cannot be reached: nothing was changed")))
    }
    changes.asked[changes.lastID] = waiting
  }

  func onChange(_ id: UInt64, _ bytes: Bytes, from member: MemberID) {
    guard let command: KeyspaceCommand = try? KeyspaceCommand.decode(bytes), let change = MemberChange(command) else {
      return answerChange(id, .failure(KeyspaceError(.malformed, "a change of members that this version does not know")), to: member)
    }
    guard node.isLeader else {
      return answerChange(id, .failure(KeyspaceError(.dropped, "the member asked leads no more: nothing was changed")), to: member)
    }
    self.change(change) { [unowned self] result in self.answerChange(id, result, to: member) }
  }

  private func answerChange(_ id: UInt64, _ result: Result<MemberID?, KeyspaceError>, to member: MemberID) {
    let frame: StoreFrame =
      switch result {
      case .success(let added): .changed(id: id, member: added?.value ?? 0, code: "", message: "")
      case .failure(let error): .changed(id: id, member: 0, code: error.code.name, message: error.message)
      }
    _ = link.send(bytes: frame.encodedBytes(), to: member, priority: .normal)
  }

  func onChanged(_ id: UInt64, member: UInt64, code: String, message: String) {
    guard let waiting: ChangeTable.Waiting = changes.asked.removeValue(forKey: id) else { return }
    if code.isEmpty {
      waiting.completion(.success(member == 0 ? nil : MemberID(member)))
    } else {
      waiting.completion(.failure(KeyspaceError(KeyspaceError.Code(code), message)))
    }
  }

  // MARK: On the leader

  /// The next change, when nothing is under way. A new leader first applies all that the leaders before it committed: it judges by that.
  func continueChanges() {
    guard !changes.queue.isEmpty, changes.active == nil, !changes.isPreparing, failure == nil else { return }
    guard node.isLeader else {
      let all: [ChangeTable.Waiting] = changes.queue
      changes.queue = []
      for one in all { one.completion(.failure(KeyspaceError(.dropped, "the leader changed: nothing was changed"))) }
      return
    }
    guard leases.isKeeping else { return }
    let waiting: ChangeTable.Waiting = changes.queue[0]
    if keyspace.cluster.members.isEmpty {
      if case .setDurability = waiting.change {} else { return prepare(.cluster(.adopt(records))) }
    }
    let checks = ChangeChecks(
      cluster: keyspace.cluster, own: configuration.memberID, status: node.status, maxLearners: configuration.maxLearners,
      patience: UInt64(max(1, StoreLimits.presence.inNanoseconds / configuration.tick.inNanoseconds)))
    do throws(KeyspaceError) {
      try checks.check(waiting.change)
      if case .shrink(let shrink) = waiting.change, try !isDrained(shrink) { return }
    } catch {
      changes.queue.removeFirst()
      drainTarget = nil
      waiting.completion(.failure(error))
      return continueChanges()
    }
    drainTarget = nil
    carryOut(waiting)
  }

  /// An entry that the change in front of the queue needs; it is looked at again afterwards.
  private func prepare(_ command: KeyspaceCommand) {
    changes.isPreparing = true
    submitAsLeader(command) { [unowned self] result in
      self.changes.isPreparing = false
      if case .failure(let error) = result, !self.changes.queue.isEmpty {
        self.changes.queue.removeFirst().completion(.failure(error))
      }
      self.continueChanges()
    }
  }

  private func carryOut(_ waiting: ChangeTable.Waiting) {
    switch waiting.change {
    case .add(let new):
      let id: MemberID = StoreIdentity.addedMember(
        clusterID: configuration.clusterID, peerURLs: new.peerURLs, taken: keyspace.cluster.members.map(\.id) + keyspace.cluster.removed)
      // A voter listens first: it is given its vote when it has caught up, so the majority never depends on one that is not there yet.
      propose(waiting, [.init(id, .learner)], .cluster(.add(new.record(id))), added: id)
    case .remove(let id): propose(waiting, [.init(id, .removed)], .cluster(.remove(id)))
    case .promote(let id): propose(waiting, [.init(id, .voter)], .cluster(.promote(id)))
    case .shrink(var shrink):
      shrink.isHeld = isHeld(shrink)
      shrink.since = clock.wall()
      propose(waiting, steps(of: shrink), .cluster(.shrink(shrink)))
    case .update, .setDurability, .regrow:
      changes.queue.removeFirst()
      changes.isPreparing = true
      submitAsLeader(waiting.change.command) { [unowned self] result in
        self.changes.isPreparing = false
        waiting.completion(result.map { _ in nil })
        self.continueChanges()
      }
    }
  }

  private func propose(
    _ waiting: ChangeTable.Waiting, _ steps: [MembershipChange.Step], _ command: KeyspaceCommand, added: MemberID? = nil
  ) {
    switch node.proposeConfiguration(MembershipChange(steps, attachment: command.encode())) {
    case .appended(let index, let term):
      changes.queue.removeFirst()
      changes.active = (index, term, added, waiting)
      scheduleDrain()
    case .dropped(.invalidMembership), .forwarded:
      changes.queue.removeFirst()
      waiting.completion(.failure(KeyspaceError(.unavailable, "this change is not possible with the members \(node.membership)")))
    // Another change is not finished yet, or the leadership is being moved: with the next tick.
    case .dropped: break
    }
  }

  /// An entry with a change of members is applied: ours, or another that took its place.
  func onChangeApplied(_ entry: Entry, _ result: Result<CommandResult, KeyspaceError>?) {
    guard let active = changes.active, entry.index >= active.index else { return }
    changes.active = nil
    if entry.index == active.index, entry.term == active.term {
      switch result {
      case .failure(let error): active.waiting.completion(.failure(error))
      case .success, nil: active.waiting.completion(.success(active.added))
      }
    } else {
      active.waiting.completion(
        .failure(KeyspaceError(.dropped, "the leader changed before a majority had the change: nothing was changed")))
    }
    scheduleDrain()
  }

  func expireChanges() {
    let now: MonotonicTime = now
    for (id, waiting) in changes.asked.sorted(by: { $0.key < $1.key }) where waiting.deadline <= now {
      changes.asked[id] = nil
      waiting.completion(.failure(KeyspaceError(.timeout, "the leader did not answer: see the list of members what became of it")))
    }
    if let active = changes.active, active.waiting.deadline <= now {
      changes.active = nil
      active.waiting.completion(
        .failure(
          KeyspaceError(.timeout, "no majority confirmed the change within \(configuration.requestTimeout): it may or may not happen")))
    }
    while let first: ChangeTable.Waiting = changes.queue.first, first.deadline <= now {
      changes.queue.removeFirst()
      drainTarget = nil
      first.completion(
        .failure(
          KeyspaceError(
            .timeout, "another change of members is not finished, or another city does not keep up with the log: nothing was changed")))
    }
    continueChanges()
  }

  func failChanges(_ error: KeyspaceError) {
    let all: [ChangeTable.Waiting] =
      changes.queue + changes.asked.sorted { $0.key < $1.key }.map(\.value) + (changes.active.map { [$0.waiting] } ?? [])
    changes.queue = []
    changes.asked = [:]
    changes.active = nil
    for one in all { one.completion(.failure(error)) }
  }

  // MARK: Votes for those who have caught up

  /// Members that were added as voters listen until they are near the end of the log; then the leader gives them their vote.
  func promoteThoseWhoCaughtUp() {
    guard node.isLeader, leases.isKeeping, changes.active == nil, !keyspace.cluster.members.isEmpty else { return }
    let membership: Membership = node.membership
    guard !membership.isJoint else { return }
    let waiting: [MemberRecord] = keyspace.cluster.members.filter { record in
      record.role == .voter && membership.learners.contains(record.id) && keyspace.cluster.shrink(of: record.center) == nil
    }
    guard !waiting.isEmpty else { return }
    let status: RaftStatus = node.status
    for record in waiting {
      guard let peer: PeerStatus = status.peers.first(where: { $0.id == record.id }) else { continue }
      guard has(.promotesLaggards) || peer.replication == .replicating,
        has(.promotesLaggards) || peer.match + ConsensusLimits.transferLag >= status.lastIndex,
        has(.promotesLaggards) || peer.silentTicks <= 8
      else { continue }
      if case .appended = node.proposeConfiguration(MembershipChange([.init(record.id, .voter)])) {
        logger.info("has caught up and votes from now on", metadata: ["member": "\(name(of: record.id))"])
        scheduleDrain()
      }
      return
    }
  }
}
