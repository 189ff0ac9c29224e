import Primitives
import Testing

@testable import Store

/// etcd's `--auto-compaction-mode revision`.
struct RetentionTests {
  @Test func `so many revisions are kept, looked at every five minutes`() {
    var clock = CompactionClock.Counted(revisions: 1_000)
    func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }
    var targets: [Int64: Int64] = [:]
    for second in 0...1_000 as ClosedRange<Int64> {
      if let target = clock.due(revision: second * 4, now: at(second)) { targets[second] = target }
    }
    #expect(targets == [300: 200, 600: 1_400, 900: 2_600])
  }
}
