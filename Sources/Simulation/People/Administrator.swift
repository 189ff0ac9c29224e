import Consensus
import Keyspace
import Primitives
import Store

/// Changes who the members are, now this, now that, and starts whoever was added.
extension World {
  func administer() {
    schedule(.adminTurn, in: Int64(80_000 + draw(below: 250_000)))
    if weather.kind == .joint { return reconfigure() }
    startThoseWhoWereAdded()
    guard now >= adminWaitsUntil, isStormy || weather.kind == .shrink else { return }
    let asked: [Int] = hosts.indices.filter { hosts[$0].process != nil && !hosts[$0].isPaused }
    guard !asked.isEmpty, let change: MemberChange = weather.kind == .shrink ? drawShrink() : drawChange() else { return }
    let host: Int = asked[draw(below: asked.count)]
    adminWaitsUntil = now + 1_500_000
    note("\(Layout.names[host]) is asked for \(change)")
    hosts[host].clock.set(now)
    hosts[host].process?.member.change(change) { [unowned self] result in
      adminWaitsUntil = 0
      switch result {
      case .success: report.changes += 1
      case .failure(let error): note("the change was not made: \(error.message)")
      }
    }
    observe(host)
  }

  private func drawShrink() -> MemberChange? {
    guard let leader, let member = hosts[leader].process?.member else { return nil }
    if let shrunk = member.keyspace.cluster.shrinks.first { return chance(500) || !isStormy ? .regrow(center: shrunk.center) : nil }
    guard isStormy else { return nil }
    return .shrink(Shrink(center: Layout.centerNames[draw(below: 3)], isHeld: true, since: hosts[leader].clock.wall()))
  }

  private func drawChange() -> MemberChange? {
    let members: [MemberRecord] = checkers.history.model.members
    func record(_ host: Int) -> MemberRecord? { members.first { $0.peerURLs == [Layout.url(host)] } }
    func new(_ host: Int, isLearner: Bool) -> MemberChange {
      .add(
        NewMember(
          peerURLs: [Layout.url(host)], isLearner: isLearner, name: Layout.names[host],
          center: Layout.centerNames[Layout.centerOf[host]], city: Layout.city(host), priority: Layout.priority(host)))
    }
    let host: Int = draw(below: Layout.hostCount)
    // Before the first change the members are those of the configuration.
    if members.isEmpty { return host < Layout.founderCount ? nil : new(host, isLearner: host == 5) }
    guard let known: MemberRecord = record(host) else { return hosts[host].isGone ? nil : new(host, isLearner: chance(500)) }
    if known.role == .learner { return chance(700) ? .promote(known.id) : .remove(known.id) }
    // Each city keeps a member, and the cluster four.
    let neighbours: Int = members.filter { $0.city == known.city }.count
    return neighbours > 1 && members.count > 4 ? .remove(known.id) : nil
  }

  private func startThoseWhoWereAdded() {
    for record in checkers.history.model.members {
      guard let place: Int = hosts.indices.first(where: { Layout.url($0) == record.peerURLs.first }), hosts[place].id != record.id else {
        continue
      }
      // It was removed and added again before it knew.
      if hosts[place].id != nil { leave(hosts[place]) }
      guard chance(400) || !isStormy else { continue }
      hosts[place].id = record.id
      places[record.id] = place
      hosts[place].configuration = configuration(of: place, checkers.history.model.members.map(Layout.member))
      hosts[place].configuration?.start = .existing
      note("\(Layout.names[place]) joins as \(record.id)")
      start(place)
    }
  }

  /// Shrinks the votes to three members, whoever these are, and regrows them.
  private func reconfigure() {
    guard let leader, let member = hosts[leader].process?.member, !hosts[leader].isPaused else { return }
    let voters: [MemberID] = member.membership.voters
    let founders: [MemberID] = Layout.founders.map(\.id)
    var steps: [MembershipChange.Step] = founders.filter { !voters.contains($0) }.map { .init($0, .voter) }
    if steps.isEmpty {
      guard isStormy else { return }
      let first: Int = draw(below: founders.count)
      steps = [first, (first + 1 + draw(below: founders.count - 1)) % founders.count].map { .init(founders[$0], .learner) }
    }
    hosts[leader].clock.set(now)
    if case .appended = member.reconfigure(MembershipChange(steps)) {
      report.changes += 1
      note("\(Layout.names[leader]) changes who votes: \(member.membership)")
    }
    observe(leader)
  }
}
