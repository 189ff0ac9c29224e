import Consensus
import Primitives
import Store

/// The checkers' look at a member after everything that happened to it.
extension World {
  func observe(_ place: Int) {
    let host: Host = hosts[place]
    guard report.violation == nil, let process = host.process else { return }
    enter(host.epoch)
    let member: SteppedMember = process.member
    if member.hasFailed { return onFailure(member.failure ?? "", host, member) }
    if process.hasWritten, member.membership != process.membership {
      process.membershipBefore = process.membership
      process.membership = member.membership
    }
    process.hasWritten = false
    if member.isLeader, process.ledTerm != member.term {
      process.ledTerm = member.term
      onLeader(host, member)
    }
    if member.appliedIndex != process.applied { onApplied(host, process) }
    guard !acknowledged.isEmpty else { return }
    for (request, host) in acknowledged {
      if let problem = checkers.acknowledged(request, now: now) { violate(.durability, "\(Layout.names[host]) acknowledged \(problem)") }
    }
    acknowledged.removeAll(keepingCapacity: true)
  }

  /// What is committed, and was in a member's log, is never cut from it.
  func checkCuts(_ host: Host) {
    guard report.violation == nil, let process = host.process else { return }
    let end: UInt64 = process.member.lastIndex
    defer { process.logEnd = end }
    guard end < process.logEnd, let entry = checkers.states.entry(at: end + 1), checkers.logs.holds(host.place, entry) else { return }
    violate(
      .stateMachineSafety, "\(Layout.names[host.place]) cut entry \(entry.index) of term \(entry.term) from its log, which is committed")
  }

  /// Stalls of one disk add up: behind a group of appends and a snapshot, each of which takes its quarter of a second, the next group may
  /// meet the next stall. A leader that has waited for longer than `diskStallLimit` gives way, as it should (seed 515). Judged by when the
  /// journal was handed the append; the member's clock may be a little ahead of the world's.
  func excuseStalledLeader(_ host: Host, _ process: Host.Process) {
    guard process.stalledTerm != process.member.term, let since: Int64 = process.journal.owedSince.first,
      now - since > SimulationLimits.diskStallLimit - SimulationLimits.diskStallLimit * Int64(SimulationLimits.drift) / 1_000_000
    else { return }
    process.stalledTerm = process.member.term
    neededElections += 1
    note("\(Layout.names[host.place]) leads and has waited for its disk for \((now - since) / 1000) ms")
  }

  private func onFailure(_ failure: String, _ host: Host, _ member: SteppedMember) {
    if member.isRemoved { return leave(host) }
    guard host.disk.hasFailed else {
      return violate(.memberHalted, "\(Layout.names[host.place]) stopped: \(failure)")
    }
    // The disk is full, or broke: it says so and is started again once somebody has mended that.
    note("\(Layout.names[host.place]) stopped: \(failure)")
    report.stoppedByDisk += 1
    crash(host.place)
    schedule(.restart(host.place), in: Int64(100_000 + draw(below: 300_000)))
  }

  private func onLeader(_ host: Host, _ member: SteppedMember) {
    note("\(Layout.names[host.place]) leads term \(member.term)")
    mix(member.term &* 31 &+ UInt64(host.place))
    report.elections += 1
    checkers.leases.onLeader(now: now)
    if member.isRepairing { return violate(.durability, "\(Layout.names[host.place]) leads before its log is repaired") }
    if report.elections <= neededElections, Layout.centerOf[host.place] != 0 { neededElections += 1 }
    if isStormy, weather.kind == .churn, chance(250) { host.doom = 50_000 + Int64(draw(below: 250_000)) }
    if let died = productionDiedAt, report.failoverMicroseconds == nil, Layout.centerOf[host.place] != 0 {
      report.failoverMicroseconds = now - died
    }
    if let problem = checkers.elections.onLeader(host.place, life: host.life, term: member.term) {
      return violate(.oneLeaderPerTerm, problem)
    }
    if let problem = checkers.leaderCompleteness(host.place, term: member.term) { violate(.leaderCompleteness, problem) }
  }

  private func onApplied(_ host: Host, _ process: Host.Process) {
    let (place, member): (Int, SteppedMember) = (host.place, process.member)
    if member.entry(at: process.applied + 1) == nil {
      let first: UInt64 = member.raft.firstIndex
      report.snapshotsInstalled += 1
      note("\(Layout.names[place]) installs the snapshot at \(first - 1)")
      if let problem = checkers.states.onInstall(place, index: first - 1) { return violate(.stateMachineSafety, problem) }
      process.applied = max(process.applied, first - 1)
    }
    while process.applied < member.appliedIndex {
      guard let entry: Entry = member.entry(at: process.applied + 1) else {
        return violate(.stateMachineSafety, "\(Layout.names[place]) applied entry \(process.applied + 1), which its log does not have")
      }
      process.applied = entry.index
      apply(entry, place, process)
      if report.violation != nil { return }
    }
    if let problem = checkers.states.compare(place, member.keyspace) { return violate(.stateMachineSafety, problem) }
    if chance(20) { compareContents(place, member) }
  }

  private func apply(_ entry: Entry, _ place: Int, _ process: Host.Process) {
    mix(entry.index &* 131 &+ entry.term &* 7 &+ UInt64(place))
    let member: SteppedMember = process.member
    guard entry.index > checkers.states.lastIndex else {
      if let problem = checkers.states.onApply(place, entry, term: member.term) { violate(.stateMachineSafety, problem) }
      return
    }
    if let (rule, problem) = checkers.onFirstApplied(place, entry, term: member.term, now: now, places) { return violate(rule, problem) }
    if let problem = checkers.durability(
      of: entry, seenAt: place, leading: member.isLeader ? member.term : nil, [process.membership, process.membershipBefore], places)
    {
      return violate(.durability, problem)
    }
    if entry.kind == .membership, let problem = checkers.votes(of: entry, places) { violate(.membership, problem) }
  }

  func compareContents(_ place: Int, _ member: SteppedMember) {
    let model: KeyValueModel = checkers.history.model
    guard member.keyspace.revision == model.revision else { return }
    if let problem = model.compare(member.keyspace, isCurrent: member.appliedIndex == checkers.states.lastIndex) {
      violate(.stateMachineSafety, "\(Layout.names[place]) \(problem)")
    }
  }
}
