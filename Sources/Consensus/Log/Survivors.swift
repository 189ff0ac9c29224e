import Primitives

/// Entries from `first` on have this term, until the next run begins.
public struct TermRun: Hashable, Sendable {
  public var term: UInt64
  public var first: UInt64
  public init(term: UInt64, first: UInt64) {
    self.term = term
    self.first = first
  }
}

/// A member's log in a few numbers, for people who must choose among the survivors of a lost majority, and for a member that comes back
/// and asks where its log and the cluster's part.
public struct LogSummary: Hashable, Sendable {
  public var member: MemberID
  /// The last entry that was compacted away. It and all before are committed.
  public var base: LogPosition
  /// Terms of the entries behind `base`, ascending.
  public var runs: [TermRun]
  public var last: LogPosition
  /// As far as the member knows.
  public var commit: UInt64
  /// The member's own term, which may be above its last entry's.
  public var currentTerm: UInt64

  public init(member: MemberID, base: LogPosition, runs: [TermRun], last: LogPosition, commit: UInt64, currentTerm: UInt64) {
    self.member = member
    self.base = base
    self.runs = runs
    self.last = last
    self.commit = commit
    self.currentTerm = currentTerm
  }

  public init(member: MemberID, _ restored: RestoredState) {
    let base = LogPosition(term: restored.snapshot?.term ?? 0, index: restored.snapshot?.index ?? 0)
    self.init(
      member: member, base: base, entries: restored.entries.filter { $0.index > base.index }[...], commit: restored.hardState.commit,
      currentTerm: restored.hardState.term)
  }

  init(member: MemberID, base: LogPosition, entries: ArraySlice<Entry>, commit: UInt64, currentTerm: UInt64) {
    var runs: [TermRun] = []
    for entry in entries where entry.term != runs.last?.term { runs.append(TermRun(term: entry.term, first: entry.index)) }
    let last: LogPosition = entries.last.map { LogPosition(term: $0.term, index: $0.index) } ?? base
    self.init(
      member: member, base: base, runs: runs, last: last, commit: max(base.index, min(commit, last.index)),
      currentTerm: max(currentTerm, last.term))
  }

  /// nil: compacted away, or not there yet.
  public func term(at index: UInt64) -> UInt64? {
    if index == base.index { return base.term }
    guard index > base.index, index <= last.index else { return nil }
    return runs.last { $0.first <= index }?.term
  }

  /// Whether the entry that `other` has at `index`, known to be committed, is here.
  private func hasCommitted(_ index: UInt64, of other: LogSummary) -> Bool {
    // What was compacted here is committed, and nothing else can be committed there.
    if index <= base.index { return true }
    guard index <= last.index else { return false }
    // Compacted there: committed, and only its index is known; whether it is the same the terms of its neighbours tell.
    guard let term: UInt64 = other.term(at: index) else { return true }
    return self.term(at: index) == term
  }

  /// Who of the survivors goes on. Of those whose log holds everything that any of them knows to be committed, the one with the longest
  /// log (last term, last index: what an election compares, Raft paper §5.4.1).
  ///
  /// The last term alone would not do without a majority: a log that ends with uncommitted entries of a deposed leader can be ahead of one
  /// that knows an older entry to be committed. One that qualifies always exists: whoever knows most to be committed has all of it.
  public static func successor(among survivors: [LogSummary]) -> LogSummary? {
    survivors.filter { candidate in survivors.allSatisfy { candidate.hasCommitted($0.commit, of: $0) } }
      .max { ($0.last, $1.member.value) < ($1.last, $0.member.value) }
  }

  /// The last index at which this log and `other` hold the same entry (log matching, Raft paper §5.3). What was compacted away on
  /// either side is committed, hence the same.
  public func agreement(with other: LogSummary) -> UInt64 {
    var index: UInt64 = min(last.index, other.last.index)
    let floor: UInt64 = max(base.index, other.base.index)
    while index > floor, term(at: index) != other.term(at: index) { index -= 1 }
    return index
  }
}

extension RaftNode {
  /// Of the log in memory, durable or not.
  public var logSummary: LogSummary {
    LogSummary(member: id, base: log.base, entries: log.entries[...], commit: commit, currentTerm: term)
  }
}

/// What a survivor's disk is given so that it is the only voter of a new cluster when it starts again. Safe only if the old members are
/// kept away from it (an epoch on every connection): consensus itself cannot tell that a majority was lost.
public struct Refounding: Hashable, Sendable {
  /// Behind the log's end: the new membership.
  public var entry: Entry
  /// Everything up to the new entry counts as committed.
  public var hardState: HardState

  /// - Parameters:
  ///   - last: the end of the survivor's log.
  ///   - terms: of all survivors; the new cluster's are above.
  ///   - learners: everybody else who was a member. They are given their votes as any new member, once they have caught up.
  public init(of survivor: MemberID, last: LogPosition, above terms: [UInt64], learners: [MemberID], attachment: Bytes = []) {
    let term: UInt64 = (terms + [last.term]).reduce(0, max) + 1
    let membership = Membership(voters: [survivor], learners: learners.filter { $0 != survivor })
    entry = Entry(index: last.index + 1, term: term, kind: .membership, payload: membership.encoded(attachment: attachment))
    hardState = HardState(term: term, vote: nil, commit: last.index + 1)
  }
}
