import Primitives

/// Which revision was the newest a retention ago, looked at ten times per retention.
struct CompactionClock {
  private let retention: Duration
  private var samples: [(time: MonotonicTime, revision: Int64)] = []

  init(retention: Duration) { self.retention = retention }

  /// The revision to compact to now; nil between samples and as long as the clock is younger than the retention.
  mutating func due(revision: Int64, now: MonotonicTime) -> Int64? {
    if let last: MonotonicTime = samples.last?.time, now - last < retention / 10 { return nil }
    samples.append((now, revision))
    guard let old: Int = samples.lastIndex(where: { now - $0.time >= retention }) else { return nil }
    samples.removeFirst(old)
    return samples[0].revision
  }
}
