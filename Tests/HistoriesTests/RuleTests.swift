import Testing

@testable import Histories

/// Each rule with a history that keeps it and histories in which a bug was planted.
@Suite struct RuleTests {
  private let calls: [Call] = [
    put(1, at: 0, to: 1, revision: 2), put(2, at: 2, to: 3, revision: 3), get(2, at: 4, to: 5, revision: 3, mod: 3),
    call(3, .delete, at: 6, to: 7, revision: 4, changed: true), get(0, at: 8, to: 9, revision: 4, mod: 0),
    call(4, .compareAndPut(expected: 0, 3), at: 10, to: 11, revision: 5, changed: true),
    call(4, .compareAndPut(expected: 1, 4), at: 12, to: 13, revision: 5, value: 3),
  ]
  private let changes: [Change] = [change(2, 1), change(3, 2), change(4, 0), change(5, 3)]

  @Test func aHistoryThatMayBe() { #expect(violations(history(calls, changes)) == []) }

  @Test func anAcknowledgedWriteIsLost() {
    #expect(rules(history(calls, changes.filter { $0.value != 1 })).contains(.acknowledgedWrites))
    #expect(rules(history(calls, changes.filter { $0.value != 0 })).contains(.acknowledgedWrites))
  }

  @Test func aWriteIsThereTwice() {
    #expect(rules(history(calls, changes + [change(6, 3)])) == [.acknowledgedWrites])
  }

  @Test func somethingIsThereThatNobodyWrote() {
    #expect(rules(history(calls, changes + [change(6, 77)])) == [.acknowledgedWrites])
    #expect(rules(history(calls, changes + [change(6, 0)])) == [.acknowledgedWrites])
  }

  @Test func aRefusedComparisonWasWritten() {
    #expect(rules(history(calls, changes + [change(6, 4)])) == [.acknowledgedWrites])
  }

  @Test func anUnknownWriteMayBeThereOrNot() {
    let lost: Call = put(9, at: 20, to: 21, revision: nil)
    #expect(violations(history(calls + [lost], changes)) == [])
    #expect(violations(history(calls + [lost], changes + [change(6, 9)])) == [])
    #expect(rules(history(calls + [lost], changes + [change(6, 9), change(7, 9)])) == [.acknowledgedWrites])
  }

  @Test func aStaleRead() {
    var stale: [Call] = calls
    stale[2] = get(1, at: 4, to: 5, revision: 2, mod: 2)
    #expect(rules(history(stale, changes)) == [.linearizability, .realTime])
  }

  @Test func aStaleReadWithAForgedRevision() {
    var stale: [Call] = calls
    stale[2] = get(1, at: 4, to: 5, revision: 3, mod: 2)
    #expect(rules(history(stale, changes)) == [.linearizability])
  }

  /// Key by key all is well: only the revisions show that the second key's read is older than a write that was finished.
  @Test func anOldReadOfAnotherKey() {
    let other: [Call] = [put(1, "a", at: 0, to: 1, revision: 2), put(2, "b", at: 2, to: 3, revision: 3)]
    let changes: [Change] = [change(2, 1, "a"), change(3, 2, "b")]
    #expect(violations(history(other + [get(1, "a", at: 4, to: 5, revision: 3, mod: 2)], changes)) == [])
    #expect(rules(history(other + [get(1, "a", at: 4, to: 5, revision: 2, mod: 2)], changes)) == [.realTime])
  }

  @Test func membersDiffer() {
    var different: History = history(calls, changes)
    different.replays[1].changes[1].value = 8
    #expect(rules(different) == [.equalMembers])
    different.replays[1].changes = Array(changes.dropLast())
    #expect(rules(different) == [.equalMembers])
    #expect(rules(history(calls, changes, members: 0)).contains(.equalMembers))
  }

  @Test func serializableReadsMayBeOldButNotGoBack() {
    func read(_ value: UInt64, _ revision: Int64, at begin: Int64, life: Int = 0, lifeAtEnd: Int? = nil, member: Int = 0) -> Call {
      call(
        5, .getSerializable, at: begin, to: begin + 1, revision: revision, value: value, mod: value == 0 ? 0 : revision, member: member,
        life: life, lifeAtEnd: lifeAtEnd)
    }
    #expect(violations(history(calls + [read(1, 2, at: 30), read(2, 3, at: 32)], changes)) == [])
    #expect(rules(history(calls + [read(2, 3, at: 30), read(1, 2, at: 32)], changes)) == [.serializableReads])
    // Another member, another life of the same one, or a life that ended meanwhile.
    #expect(violations(history(calls + [read(2, 3, at: 30), read(1, 2, at: 32, member: 1)], changes)) == [])
    #expect(violations(history(calls + [read(2, 3, at: 30), read(1, 2, at: 32, life: 1)], changes)) == [])
    #expect(violations(history(calls + [read(2, 3, at: 30), read(1, 2, at: 32, lifeAtEnd: 1)], changes)) == [])
    // What never was.
    #expect(rules(history(calls + [read(1, 3, at: 30)], changes)) == [.serializableReads])
  }

  private func watched(_ told: [Change], upTo: Int64, from start: Int64 = 2) -> History {
    var record: History = history(calls, changes)
    var watch = WatchRecord(member: 1, prefix: "k", start: start)
    watch.told = told.map { .init(at: 5_000_000, change: $0) }
    watch.toldUpTo = upTo
    record.watches = [watch]
    return record
  }

  @Test func watches() {
    #expect(violations(watched(changes, upTo: 5)) == [])
    #expect(violations(watched(Array(changes.prefix(2)), upTo: 3)) == [])
    #expect(violations(watched(Array(changes.dropFirst()), upTo: 5, from: 3)) == [])
    // A gap, told twice, out of order, another value, and one that came to an end too early.
    #expect(rules(watched([changes[0], changes[2], changes[3]], upTo: 5)) == [.watches])
    #expect(rules(watched([changes[0]] + changes, upTo: 5)) == [.watches])
    #expect(rules(watched([changes[1], changes[0], changes[2], changes[3]], upTo: 5)) == [.watches])
    #expect(rules(watched([changes[0], change(3, 77), changes[2], changes[3]], upTo: 5)) == [.watches])
    #expect(rules(watched(Array(changes.prefix(2)), upTo: 5)) == [.watches])
    // Older than asked for.
    #expect(rules(watched(changes, upTo: 5, from: 3)) == [.watches])
  }
}
