import Primitives

/// Which revision was the newest a retention ago, looked at ten times per retention.
struct CompactionClock {
  private let retention: Duration
  private var samples: [(time: MonotonicTime, revision: Int64)] = []

  init(retention: Duration) { self.retention = retention }

  /// Of history counted in revisions: what lies so far back, every five minutes, as etcd's revision compactor does it.
  struct Counted {
    static let interval: Duration = .seconds(300)
    let revisions: Int64
    private var last: MonotonicTime?

    init(revisions: Int64) { self.revisions = revisions }

    /// nil between two looks, and while there are not so many.
    mutating func due(revision: Int64, now: MonotonicTime) -> Int64? {
      guard let last else {
        self.last = now
        return nil
      }
      guard now - last >= Self.interval else { return nil }
      self.last = now
      return revision > revisions ? revision - revisions : nil
    }
  }

  /// The revision to compact to now; nil between samples and as long as the clock is younger than the retention.
  mutating func due(revision: Int64, now: MonotonicTime) -> Int64? {
    if let last: MonotonicTime = samples.last?.time, now - last < retention / 10 { return nil }
    samples.append((now, revision))
    guard let old: Int = samples.lastIndex(where: { now - $0.time >= retention }) else { return nil }
    samples.removeFirst(old)
    return samples[0].revision
  }
}
