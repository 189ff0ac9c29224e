import Primitives
import Testing

@testable import Federation

private func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

/// What a renewal that names the version below it is counted from.
@Suite struct RenewalTests {
  /// Each side goes by the earlier of two: the newest version, and the one that it renews with what lay between their writes.
  @Test func aRenewalIsCountedFromTheVersionThatItRenewsAsWell() {
    func renewal(_ version: UInt64, of renewed: UInt64, after: Int64 = 100) -> ActivationRecord {
      var record: ActivationRecord = ActivationViewTests.record(String(version))
      record.renewal = .init(of: renewed, after: .milliseconds(after))
      return record
    }
    var view = ActivationView(margin: .milliseconds(500))
    view.onRead(ActivationViewTests.record("1"), began: at(0), finished: at(2))
    view.onRead(ActivationViewTests.record("1"), began: at(100), finished: at(102))
    // The read at 100 saw version 1 itself, and nothing saw an older one: nothing is proven yet.
    view.onWatched(renewal(2, of: 1), at: at(200))
    #expect(view.validUntil == nil && view.countedFrom == at(102))
    view.onRead(renewal(2, of: 1), began: at(210), finished: at(212))
    // Sent 150 ms after version 2 and committed an election later: a read at 100 saw an older version than 2, one at 210 version 2 itself.
    view.onWatched(renewal(3, of: 2, after: 150), at: at(900))
    #expect(view.validUntil == at(210 + 2_500) && view.countedFrom == at(350) && view.versionSeenAt == at(900))
    // A read at 800 that still saw version 2 would have proven no more than 100 + 150.
    var late = ActivationView(margin: .milliseconds(500))
    late.onRead(ActivationViewTests.record("1"), began: at(100), finished: at(102))
    late.onWatched(renewal(2, of: 1), at: at(200))
    late.onRead(renewal(2, of: 1), began: at(800), finished: at(802))
    late.onWatched(renewal(3, of: 2, after: 150), at: at(900))
    #expect(late.validUntil == at(100 + 150 + 2_500) && late.countedFrom == at(350))
    // Version 4 was not seen: the read that saw 3 is older than 4, and a survivor has only the newest to go by.
    view.onRead(renewal(3, of: 2), began: at(910), finished: at(912))
    view.onWatched(renewal(5, of: 4), at: at(1_100))
    #expect(view.validUntil == at(910 + 2_500) && view.countedFrom == at(1_100))
    // Written by hand: it names a version that is not the one below it, and prolongs nothing.
    view.onRead(renewal(5, of: 4), began: at(1_110), finished: at(1_112))
    view.onWatched(renewal(6, of: 4), at: at(1_200))
    #expect(view.validUntil == at(910 + 2_500) && view.countedFrom == at(1_200))
  }

  /// The dead leader had sent its last renewal, and its successor commits it half a second later.
  @Test func aRenewalThatTheSuccessorCommitsPutsNothingOff() {
    var local: ActivationInstance = ActivationInstanceTests.instance("local-dr")
    local.onWatched(ActivationViewTests.record("9"), at: at(0))
    var late: ActivationRecord = ActivationViewTests.record("10")
    late.renewal = .init(of: 9, after: .milliseconds(250))
    local.onWatched(late, at: at(800))
    #expect(local.quietUntil(at(801)) == at(3_250))
    local.onRead(late, began: at(3_249), finished: at(3_250))
    #expect(local.onTick(at(3_251), obstacles: []).isEmpty)
    local.onRead(late, began: at(3_250), finished: at(3_280))
    let expected = ActivationRecord(
      cluster: "bank", center: "local-dr", epoch: 2, lease: .seconds(3), resourceVersion: "10", previous: "production")
    #expect(local.onTick(at(3_281), obstacles: []) == [.write(expected, .takeOver(from: "production"))])
  }
}
