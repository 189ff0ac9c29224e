import Testing

@testable import Histories

@Suite struct LeaseRuleTests {
  private let millisecond: Int64 = 1_000_000

  /// Two keys on a lease of two seconds, renewed at 1,000 ms; gone at `goneAt`, as a watch was told.
  private func leased(
    goneAt: Int64?, secondAt revision: Int64 = 4, renewals: [(Int64, Int64)] = [(0, 10), (1_000, 1_010)], revokedAt: Int64? = nil
  ) -> History {
    let puts: [Call] = [put(1, "l/1", at: 20, to: 21, revision: 2), put(2, "l/2", at: 22, to: 23, revision: 3)]
    var changes: [Change] = [change(2, 1, "l/1"), change(3, 2, "l/2")]
    if goneAt != nil {
      changes += [change(4, 0, "l/1"), change(revision, 0, "l/2")]
    }
    var record: History = history(puts, changes)
    var lease = LeaseRecord(id: 7, ttl: 2_000 * millisecond, keys: ["l/1", "l/2"])
    lease.renewals = renewals.map { ($0.0 * millisecond, $0.1 * millisecond) }
    lease.revokedAt = revokedAt.map { $0 * millisecond }
    record.leases = [lease]
    var watch = WatchRecord(member: 0, prefix: "l/", start: 2)
    watch.told = changes.map { .init(at: ($0.value == 0 ? goneAt ?? 0 : 30) * millisecond, change: $0) }
    watch.toldUpTo = changes.last?.revision ?? 0
    record.watches = [watch]
    return record
  }

  @Test func aLeaseEndsAfterItsTime() {
    #expect(violations(leased(goneAt: 3_000)) == [])
    #expect(violations(leased(goneAt: 9_000)) == [])
  }

  @Test func aLeaseEndsBeforeItsTime() { #expect(rules(leased(goneAt: 2_990)) == [.leases]) }

  @Test func whoAskedForItsEndHasNothingToComplainAbout() {
    #expect(violations(leased(goneAt: 1_500, revokedAt: 1_400)) == [])
    #expect(rules(leased(goneAt: 1_300, revokedAt: 1_400)) == [.leases])
  }

  @Test func aLeaseThatIsGoneIsNotRenewed() {
    #expect(rules(leased(goneAt: 3_100, renewals: [(0, 10), (1_000, 1_010), (3_200, 3_210)])) == [.leases])
    // Asked for before the end was told: it may have come in time, or for a lease that was to live.
    #expect(violations(leased(goneAt: 3_100, renewals: [(0, 10), (1_000, 1_010), (3_050, 3_210)])) == [])
  }

  @Test func keysOfALeaseEndTogether() { #expect(rules(leased(goneAt: 4_000, secondAt: 5)) == [.leases]) }

  @Test func aLeaseDoesEnd() {
    #expect(rules(leased(goneAt: nil)) == [.leases])
    #expect(Judge(leasePatience: 1_000_000_000).judge(leased(goneAt: nil), until: 3_900 * millisecond).violations == [])
  }

  @Test func textAndBack() throws {
    var record: History = leased(goneAt: 3_000, revokedAt: 2_000)
    record.calls += [
      call(3, .delete, at: 6, to: 7, revision: 4, changed: true, life: 2, lifeAtEnd: 3), call(4, .getSerializable, at: 6, to: 7),
      call(4, .compareAndPut(expected: 1, 4), at: 12, to: 13, revision: 5, value: 3), call(4, .get, at: 1, to: 2, revision: 5),
    ]
    func lines(_ history: History) -> [String] {
      var lines: [String] = []
      HistoryText.write(history) { lines.append($0) }
      return lines
    }
    let text: [String] = lines(record)
    let again: History = try HistoryText.read(text.joined(separator: "\n"))
    #expect(lines(again) == text)
    #expect(again.calls == record.calls && again.watches == record.watches)
    #expect(violations(again) == violations(record))
    #expect(throws: HistoryText.Unreadable.self) { try HistoryText.read("call 1 2 3\n") }
    #expect(throws: HistoryText.Unreadable.self) { try HistoryText.read("told 1 2 3 k\n") }
  }
}
