import Primitives

/// The memberships that the log tells of, by index. The newest is in force from the moment it is in the log, committed or not
/// (Raft paper §6), so cutting the log takes it back.
struct Memberships {
  private struct Record {
    var index: UInt64
    var membership: Membership
  }
  /// Never empty; the first is the one in force at the log's base.
  private var records: [Record]

  init(base: UInt64, _ membership: Membership) { records = [Record(index: base, membership: membership)] }

  var current: Membership { records[records.count - 1].membership }
  /// Where the current one stands.
  var currentIndex: UInt64 { records[records.count - 1].index }

  func at(_ index: UInt64) -> Membership {
    var found: Membership = records[0].membership
    for record in records where record.index <= index { found = record.membership }
    return found
  }

  /// Whether it votes in one that is in force at `commit` or may still come to be.
  func isVoter(_ id: MemberID, since commit: UInt64) -> Bool { current.isVoter(id) || (currentIndex > commit && at(commit).isVoter(id)) }

  func isMember(_ id: MemberID, since commit: UInt64) -> Bool {
    at(commit).isMember(id) || records.contains { $0.index > commit && $0.membership.isMember(id) }
  }

  mutating func append(_ membership: Membership, at index: UInt64) { records.append(Record(index: index, membership: membership)) }

  /// Returns whether the membership in force changed.
  mutating func truncate(from index: UInt64) -> Bool {
    let before: Int = records.count
    while records.count > 1, records[records.count - 1].index >= index { records.removeLast() }
    return records.count != before
  }

  mutating func compact(upTo index: UInt64) {
    while records.count > 1, records[1].index <= index { records.removeFirst() }
  }
}
