import Primitives
import Testing

@testable import Consensus

@Suite struct SurvivorTests {
  private func log(_ member: UInt64, _ terms: [UInt64], base: LogPosition = LogPosition(term: 0, index: 0), commit: UInt64) -> LogSummary {
    var entries: [Entry] = []
    for (offset, term) in terms.enumerated() { entries.append(Entry(index: base.index + UInt64(offset) + 1, term: term)) }
    return LogSummary(member: MemberID(member), base: base, entries: entries[...], commit: commit, currentTerm: terms.last ?? base.term)
  }

  @Test func `the longest log goes on: last term, then last index, then the smaller id`() {
    #expect(LogSummary.successor(among: [log(1, [1, 1, 1], commit: 1), log(2, [1, 2], commit: 1)])?.member == MemberID(2))
    #expect(LogSummary.successor(among: [log(1, [1, 1], commit: 1), log(2, [1, 1, 1], commit: 1)])?.member == MemberID(2))
    #expect(LogSummary.successor(among: [log(2, [1, 1], commit: 1), log(1, [1, 1], commit: 0)])?.member == MemberID(1))
    #expect(LogSummary.successor(among: []) == nil)
  }

  /// Entry 2 of term 1 was committed by the leader of term 3, which the second survivor only half heard; the first has what a leader of
  /// term 2 wrote in its place and nobody else got.
  @Test func `what is known to be committed goes before a later term`() {
    let deposed = log(1, [1, 2, 2, 2], commit: 1)
    let faithful = log(2, [1, 1], commit: 2)
    #expect(deposed.last > faithful.last)
    #expect(LogSummary.successor(among: [deposed, faithful])?.member == MemberID(2))
    #expect(deposed.agreement(with: faithful) == 1)
    // Compacted away on one side, it is committed; who has it under any term it has rightly.
    let compacted = log(3, [3], base: LogPosition(term: 1, index: 2), commit: 3)
    #expect(LogSummary.successor(among: [deposed, faithful, compacted])?.member == MemberID(3))
    #expect(compacted.agreement(with: faithful) == 2)
  }

  @Test func `the new cluster begins behind the log, above every term, with one voter`() throws {
    let members: [MemberID] = (1...5).map { MemberID(UInt64($0)) }
    let refounding = Refounding(
      of: MemberID(5), last: LogPosition(term: 3, index: 9), above: [4, 7], learners: members, attachment: Bytes("why"))
    #expect(refounding.entry.index == 10 && refounding.entry.term == 8 && refounding.hardState.commit == 10)
    let (membership, attachment): (Membership, Bytes) = try Membership.decodeAttached(refounding.entry.payload)
    #expect(membership.voters == [MemberID(5)] && membership.learners == Array(members[..<4]) && attachment == Bytes("why"))
  }
}
