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
  let checksDisks: Bool
  private var isNew: Bool = false

  init(checksDisks: Bool) { self.checksDisks = checksDisks }

  /// `term`: the member's.
  mutating func onApply(_ member: Int, _ entry: Entry, term: UInt64) -> String? {
    isNew = entry.index > states.lastIndex
    if let problem = states.onApply(member, entry, term: term) { return problem }
    guard isNew else { return nil }
    let (problem, result): (String?, OperationResult?) = entry.kind == .data ? history.onCommitted(entry) : (nil, nil)
    states.note(result, revision: history.model.revision)
    return problem
  }

  /// What is applied anywhere is on a majority's disks; and where a leader applies it first, so is an entry of its own term, without
  /// which it may still be overwritten (Raft paper §5.4.2, figure 8).
  func durability(of entry: Entry, seenAt member: Int, leading term: UInt64?) -> String? {
    guard checksDisks, isNew else { return nil }
    if let term, let own = logs.first(of: term, from: entry.index, member), logs.holders(of: own).count <= SimulationLimits.memberCount / 2
    {
      return "\(Layout.names[member]) applies entry \(entry.index) of term \(entry.term) in term \(term), of which no majority has an entry"
    }
    let holders: [Int] = logs.holders(of: entry)
    guard holders.count <= SimulationLimits.memberCount / 2 else { return nil }
    let names: String = holders.map { Layout.names[$0] }.joined(separator: ", ")
    return "\(Layout.names[member]) applies entry \(entry.index) of term \(entry.term), which is only on the disks of (\(names))"
  }

  /// Raft paper, figure 3: what was committed in earlier terms is in the log of every later leader.
  func leaderCompleteness(_ member: Int, term: UInt64) -> String? {
    guard let last = states.lastEntry(committedBefore: term), !logs.has(member, last) else { return nil }
    return "\(Layout.names[member]) leads term \(term) without entry \(last.index) of term \(last.term), which is committed"
  }
}
