import Consensus
import Keyspace
import Logging
import Primitives

/// Writes that are acknowledged only once other cities have them: from the class that a write gets to the answer.
///
/// ```
///  submit ─▶ class ─▶ entry ─▶ applied here ─▶ call to the leader ─▶ held until the ledger says so ─▶ answer ─▶ caller
///            (request's metadata, else the longest prefix, else the configuration)
/// ```
struct HeldAnswer {
  var index: UInt64
  var durability: Durability
  var since: MonotonicTime
  var completion: (LeaderAnswer) -> Void
}

extension MemberCore {
  /// How far a command must have come before its caller is answered. Throws `.unsupported` where the cities are not known.
  func durability(of command: KeyspaceCommand) throws(KeyspaceError) -> Durability {
    let rules: DurabilityRules = keyspace.cluster.durability
    let chosen: Durability
    switch command.unguarded {
    case .transaction(let request):
      if let explicit: Durability = request.durability {
        chosen = explicit
      } else if rules.isEmpty {
        chosen = configuration.durability
      } else {
        chosen = rules.durability(of: request, fallback: configuration.durability)
      }
    case .grantLease, .revokeLease, .set: chosen = rules.standard ?? configuration.durability
    case .compact, .checkpointLeases, .cluster, .guarded: return .centerSafe
    }
    guard chosen != .centerSafe, !hasCities else { return chosen }
    throw KeyspaceError(
      .unsupported, "\(chosen.name) was asked for, but the members do not say in which city they are: configure it")
  }

  /// A write of this member's caller is applied, which says that a majority has it.
  func answerWhenSafe(_ one: ProposalTable.Pending, _ result: Result<CommandResult, KeyspaceError>, at index: UInt64) {
    guard one.durability != .centerSafe, case .success = result else { return one.completion(result) }
    if has(.acknowledgesBeforeTheCity), one.durability == .citySafe { return one.completion(result) }
    let call = LeaderCall(kind: one.durability == .citySafe ? .citySafe : .autoSafe, lease: Int64(clamping: index))
    let name: String = one.durability.name
    callLeader(call) { outcome in
      switch outcome {
      case .success: one.completion(result)
      case .failure(let error):
        one.completion(
          .failure(
            KeyspaceError(
              error.code == .unavailable ? .unavailable : .timeout,
              "a majority has the write, but it is not known to be \(name): \(error.message)")))
      }
    }
  }

  // MARK: On the leader

  func answerSafety(_ call: LeaderCall, _ completion: @escaping (LeaderAnswer) -> Void) {
    let durability: Durability = call.kind == .citySafe ? .citySafe : .auto
    guard call.lease >= 0, held.count < StoreLimits.pendingCalls else { return completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
    let index = UInt64(call.lease)
    ledger.update { node.durableIndex(of: $0) ?? 0 }
    if index <= ledger.safeIndex(durability, keyspace.cluster) { return completion(LeaderAnswer(outcome: .done, value: 0)) }
    if durability == .auto { ledger.onWaiting(index, now: now) }
    held.append(HeldAnswer(index: index, durability: durability, since: now, completion: completion))
  }

  /// After each drain: what was acknowledged meanwhile may set writes free.
  func releaseHeld() {
    guard !held.isEmpty else { return }
    guard node.isLeader, leases.isKeeping else { return dropHeld() }
    ledger.update { node.durableIndex(of: $0) ?? 0 }
    let everywhere: UInt64 = ledger.safeIndex(.citySafe, keyspace.cluster)
    let excused: UInt64 = ledger.safeIndex(.auto, keyspace.cluster)
    var free: [HeldAnswer] = []
    let now: MonotonicTime = now
    held.removeAll { one in
      let isLate: Bool = one.durability == .auto && now - one.since >= configuration.autoPatience && has(.skipsTheBarrier)
      guard isLate || one.index <= (one.durability == .citySafe ? everywhere : excused) else { return false }
      free.append(one)
      return true
    }
    for one in free { one.completion(LeaderAnswer(outcome: .done, value: 0)) }
  }

  /// Another leads: it will be asked.
  func dropHeld() {
    let all: [HeldAnswer] = held
    held = []
    for one in all { one.completion(LeaderAnswer(outcome: .notLeader, value: 0)) }
  }

  /// With each tick.
  func watchCities() {
    guard node.isLeader, leases.isKeeping, hasCities else { return }
    ledger.update { node.durableIndex(of: $0) ?? 0 }
    let now: MonotonicTime = now
    for directive in ledger.tick(now: now, end: lastIndex, keyspace.cluster) {
      switch directive {
      case .degrade(let city):
        logger.warning(
          "a city does not keep up: auto writes go on without it from here",
          metadata: ["city": "\(city)", "patience": "\(configuration.autoPatience)"])
        metrics.degradations.increment()
        decide(.degrade(city: city, clock.wall()), city)
      case .restore(let city):
        logger.notice("a city keeps up again: auto writes wait for it from here", metadata: ["city": "\(city)"])
        decide(.restore(city: city), city)
      }
    }
    releaseHeld()
    // Whoever asked has given up long ago.
    if tickCount.isMultiple(of: 40) { held.removeAll { now - $0.since > configuration.requestTimeout * 2 } }
  }

  private func decide(_ command: ClusterCommand, _ city: String) {
    submitAsLeader(.cluster(command)) { [unowned self] result in
      // After a timeout it may still be in the log; the next leader starts anew.
      if case .failure(let error) = result, error.code != .dropped { return }
      self.ledger.onDecided(city)
      self.releaseHeld()
    }
  }

  /// How far each city is behind, as the leader knows it; others know only what the log says.
  func cityProgress(_ raft: RaftStatus, now: MonotonicTime) -> [CityProgress] {
    ledger.cities.map { city in
      let degradation: ClusterState.Degradation? = keyspace.cluster.degradations.first { $0.city == city.name }
      var progress = CityProgress(name: city.name, members: city.members, degradation: degradation)
      guard raft.role == .leader else { return progress }
      let durable: UInt64 = city.members.reduce(0) { max($0, node.durableIndex(of: $1) ?? 0) }
      let (seconds, bytes): (Double, UInt64) = lag.lag(of: durable, now: now)
      progress.durableIndex = durable
      progress.lagEntries = raft.lastIndex - min(durable, raft.lastIndex)
      progress.lagBytes = bytes
      progress.lagSeconds = seconds
      return progress
    }
  }
}
