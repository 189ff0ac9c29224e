import Consensus
import Keyspace
import Primitives

/// All that watches from outside. Checkers know what members hand out, what is on disks and what clients were told; they never ask the
/// code under test whether it is right. Each returns a sentence when a rule is broken.
struct Checkers {
  var logs = LogChecker()
  var elections = ElectionChecker()
  var states = StateChecker()
  var history = HistoryChecker()
  var leases = LeaseChecker()
  var watches: WatchChecker
  let checksDisks: Bool

  init(checksDisks: Bool, watchers: [Watcher]) {
    self.checksDisks = checksDisks
    watches = WatchChecker(watchers.map(\.range))
  }

  /// An entry is applied for the first time anywhere: from here on it has happened.
  mutating func onFirstApplied(
    _ member: Int, _ entry: Entry, term: UInt64, now: Int64, _ places: [MemberID: Int]
  ) -> (Violation.Rule, String)? {
    if let problem = states.onApply(member, entry, term: term) { return (.stateMachineSafety, problem) }
    let before: Int = history.model.events.count
    let (problem, command): (String?, KeyspaceCommand?) = history.onCommitted(entry, now: now)
    if let problem { return (.linearizability, problem) }
    states.note(revision: history.model.revision)
    watches.onEvents(from: before, history.model)
    if let command {
      let isForeign: Bool = history.lastOrigin.flatMap { places[$0] }.map { $0 != elections.leader(of: entry.term) } ?? false
      if let problem = leases.onCommitted(command, entry, byClient: history.lastWasAsked, isForeign: isForeign, now: now) {
        return (.leaseSafety, problem)
      }
    }
    return nil
  }

  /// What is applied anywhere is on the disks of a majority of those who vote; and where a leader applies it first, so is an entry of its
  /// own term, without which it may still be overwritten (Raft paper §5.4.2, figure 8).
  func durability(of entry: Entry, seenAt member: Int, leading term: UInt64?, _ memberships: [Membership], _ places: [MemberID: Int])
    -> String?
  {
    guard checksDisks else { return nil }
    func isSafe(_ holders: Holders) -> Bool { memberships.contains { holders.areMajority(of: $0, places) } }
    if let term, let own = logs.first(of: term, from: entry.index, member), !isSafe(logs.holders(of: own)) {
      return "\(Layout.names[member]) applies entry \(entry.index) of term \(entry.term) in term \(term), of which no majority has an entry"
    }
    let holders: Holders = logs.holders(of: entry)
    if isSafe(holders) { return nil }
    return
      "\(Layout.names[member]) applies entry \(entry.index) of term \(entry.term), which is only on the disks of (\(holders.names)), while \(memberships[0])"
  }

  /// Raft paper, figure 3: what was committed in earlier terms is in the log of every later leader.
  func leaderCompleteness(_ member: Int, term: UInt64) -> String? {
    guard let last = states.lastEntry(committedBefore: term), !logs.has(member, last) else { return nil }
    return "\(Layout.names[member]) leads term \(term) without entry \(last.index) of term \(last.term), which is committed"
  }

  /// Whoever joined and gets a vote has a log already: the majority must not depend on one that is not there yet.
  func votes(of entry: Entry, _ places: [MemberID: Int]) -> String? {
    guard let membership = try? Membership.decode(entry.payload) else { return "entry \(entry.index) holds no membership" }
    for voter in membership.voters where !Layout.founders.contains(where: { $0.id == voter }) {
      guard let place = places[voter] else {
        return history.model.removed.contains(voter) ? nil : "\(voter) votes from entry \(entry.index) on and was never started"
      }
      if !logs.hasAnything(place) { return "\(Layout.names[place]) votes from entry \(entry.index) on and has nothing of the log" }
    }
    return nil
  }

  /// A write is acknowledged: it is as safe as was asked. Center-safe is what `durability(of:)` sees to; the far city is seen to here.
  func acknowledged(_ request: ClientRequest, now: Int64) -> String? {
    guard request.durability != .centerSafe else { return nil }
    guard let entry = history.entry(of: request.id) else { return "a write that nobody has applied" }
    let holders: Holders = logs.holders(of: entry)
    for (city, hosts) in zip(Layout.cities, Layout.hostsOfCity) where !holders.include(anyOf: hosts) && history.model.hasMembers(in: city) {
      switch request.durability {
      case .centerSafe: continue
      case .auto where history.model.wasDegraded(city, since: request.since): continue
      case .auto, .citySafe:
        return
          "entry \(entry.index), a write that shall be \(request.durability.name), which is only on the disks of (\(holders.names)) and on none in \(city)"
      }
    }
    return nil
  }
}

/// Hosts that have something on disk.
struct Holders {
  var bits: UInt16 = 0
  func has(_ host: Int) -> Bool { bits & (1 << UInt16(host)) != 0 }
  func include(anyOf hosts: [Int]) -> Bool { hosts.contains(where: has) }
  var names: String { Layout.names.indices.filter(has).map { Layout.names[$0] }.joined(separator: ", ") }

  func areMajority(of membership: Membership, _ places: [MemberID: Int]) -> Bool {
    areMajority(of: membership.voters, places) && (membership.outgoing.isEmpty || areMajority(of: membership.outgoing, places))
  }
  private func areMajority(of voters: [MemberID], _ places: [MemberID: Int]) -> Bool {
    var count: Int = 0
    for voter in voters { if let place: Int = places[voter], has(place) { count += 1 } }
    return count > voters.count / 2
  }
}
