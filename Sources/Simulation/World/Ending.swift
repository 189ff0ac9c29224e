import Consensus
import Journal
import Keyspace
import Primitives
import Store

/// What must be true once everything is mended.
extension World {
  /// Asked again and again until all is well or the time is up.
  func checkRecovery() {
    let waited: Int64 = now - calmSince
    let behind: String? = whoIsBehind
    if let problem = whatIsMissing ?? behind {
      let isPatient: Bool = hasRecovered || behind != nil
      guard waited < (isPatient ? SimulationLimits.catchUpTime : SimulationLimits.recoveryTime) else {
        return violate(.liveness, "\(waited / 1000) ms after the last fault \(problem): \(overview)")
      }
      return schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
    }
    // From here on somebody may be about to take over from one that leads rather less.
    hasRecovered = true
    if weather.kind == .calm, report.elections > neededElections {
      return violate(.needlessElection, "\(report.elections) elections although nothing happened but disk stalls of 250 ms")
    }
    if weather.kind == .productionLoss, (report.failoverMicroseconds ?? .max) > 1_000_000 {
      return violate(
        .liveness, "no new leader within 1 s after production died (\(report.failoverMicroseconds.map { "\($0 / 1000) ms" } ?? "none"))")
    }
    if weather.kind == .leases {
      if let problem = checkers.leases.forgotten(interval: 700_000, now: now) ?? checkers.leases.overdue(now: now) {
        return violate(.leaseSafety, problem)
      }
      if waited < 2_200_000 { return schedule(.checkRecovery, in: SimulationLimits.recoveryStep) }
    }
    guard !weather.awaitsPriority || !couldLeadBetter else {
      guard waited < SimulationLimits.priorityTime else {
        return violate(.priority, "one that should does not lead \(waited / 1000) ms after the last fault: \(overview)")
      }
      return schedule(.checkRecovery, in: SimulationLimits.recoveryStep)
    }
    isOver = true
  }

  /// Somebody with a vote should lead rather than the one that does.
  private var couldLeadBetter: Bool {
    guard let leader, let member = hosts[leader].process?.member else { return true }
    return member.membership.voters.contains { voter in
      guard let place: Int = places[voter], hosts[place].process != nil else { return false }
      return Layout.priority(place) > Layout.priority(leader)
    }
  }

  /// It may need a snapshot whose receiver died without anybody noticing: the sender gives that up after its patience, and offers the next.
  private var whoIsBehind: String? {
    let membership: Membership? = leader.flatMap { hosts[$0].process?.member.membership }
    for host in hosts where !host.isGone && host.configuration != nil {
      guard let member = host.process?.member, let id = host.id, membership?.isMember(id) ?? true else { continue }
      enter(host.epoch)
      if member.isRepairing { return "\(Layout.names[host.place]) is not repaired" }
      if member.appliedIndex + 40 < checkers.states.lastIndex {
        return "\(Layout.names[host.place]) is at entry \(member.appliedIndex) of \(checkers.states.lastIndex)"
      }
    }
    return nil
  }

  private var whatIsMissing: String? {
    guard let leader, let leading = hosts[leader].process?.member else { return "nobody leads" }
    let epoch: UInt64 = founded.max() ?? 0
    for host in hosts where host.epoch > epoch && !host.isGone {
      // Told to follow an epoch that was never founded, while the majority that was given up came back and goes on: of no use to either.
      note("\(Layout.names[host.place]) is stranded in epoch \(host.epoch)")
      if host.process != nil { stop(host) }
      host.isGone = true
      report.stranded += 1
    }
    if let behind = hosts.first(where: { !$0.isGone && $0.configuration != nil && $0.epoch != epoch }) {
      return "\(Layout.names[behind.place]) is of epoch \(behind.epoch), the cluster of \(epoch)"
    }
    enter(epoch)
    for client in clients where !servedSinceCalm.contains(client.number) {
      // Between two leases a holder asks for nothing.
      if let holding = client.lease, holding.step == .lets { continue }
      return "client \(client.number) was not served"
    }
    for host in hosts where !host.isGone && host.configuration != nil {
      guard let id = host.id, leading.membership.isMember(id) else { continue }
      guard host.process != nil else { return "\(Layout.names[host.place]) is not up" }
    }
    for watcher in watchers.indices where !checkers.watches.isCurrent(watcher, checkers.history.model.revision - 10, checkers.history.model)
    {
      return "watcher \(watcher) was not told everything"
    }
    let isWhole: Bool = leading.membership.voters.count == Layout.founderCount && !leading.membership.isJoint
    if weather.kind == .recovery {
      for host in hosts where !host.isGone && host.configuration != nil && !leading.membership.voters.contains(host.id ?? MemberID(0)) {
        return "\(Layout.names[host.place]) has no vote yet"
      }
    }
    if weather.kind == .joint || weather.kind == .shrink, !isWhole {
      return "the votes are not regrown (\(leading.membership))"
    }
    if weather.kind == .members {
      for record in checkers.history.model.members where record.role == .voter && !leading.membership.voters.contains(record.id) {
        return "\(record.name) has no vote yet"
      }
      if leading.membership.isJoint { return "a change of members is not finished" }
    }
    return nil
  }

  /// Everyone has the same state, and it is what the model has.
  func checkEnd() {
    for host in hosts {
      guard let member = host.process?.member else { continue }
      enter(host.epoch)
      if let problem = checkers.history.model.compare(member.keyspace, isCurrent: member.appliedIndex == checkers.states.lastIndex) {
        return violate(.stateMachineSafety, "\(Layout.names[host.place]) \(problem)")
      }
      mix(UInt64(bitPattern: member.keyspace.revision))
    }
    enter(founded.max() ?? 0)
    if let problem = checkers.history.lostWrites(upTo: hosts.compactMap { $0.process?.member.keyspace.revision }.max() ?? 0) {
      return violate(.durability, problem)
    }
    for epoch in ([era] + parked.keys).sorted() {
      enter(epoch)
      let (problem, undecided): (String?, Int) = checkers.history.calls.check()
      report.undecidedKeys += undecided
      if let problem { return violate(.linearizability, problem) }
    }
    if weather.kind == .cities { loseTheCity() }
  }

  /// The whole near city is gone, its disks included, and the far one starts after a power cut: every write that was acknowledged as
  /// safe in every city is there.
  private func loseTheCity() {
    crash(4)
    var configuration = JournalConfiguration(seed: 1)
    configuration.segmentBytes = SimulationLimits.segmentBytes
    do {
      let (core, contents): (JournalCore, JournalContents) = try JournalCore.open(hosts[4].disk, configuration)
      var journal: JournalCore = core
      journal.close()
      let last: UInt64 = contents.entries.last?.index ?? contents.snapshot?.index ?? 0
      if let lost = checkers.history.lastCitySafe, lost > last {
        violate(.durability, "entry \(lost) was acknowledged as city-safe, and what is left of the far city ends at \(last)")
      }
    } catch { violate(.journal, "what is left of the far city cannot be read: \(error)") }
  }

  var overview: String {
    hosts.filter { $0.configuration != nil }.map { host in
      guard let status = host.process?.member.raft else { return "\(Layout.names[host.place]) down" }
      return
        "\(Layout.names[host.place]) \(status.role.rawValue) t\(status.term) log \(status.lastIndex) commit \(status.commit) \(status.membership)"
    }.joined(separator: ", ")
  }
}
