import Primitives

/// How far the log had come at each tick, from which a follower's lag is read in seconds and bytes. Covers 4,096 ticks; a member further
/// behind is shown with at least that.
struct LagSamples {
  private struct Sample {
    var index: UInt64
    var bytes: UInt64
    var time: MonotonicTime
  }
  private var samples: [Sample] = []
  private var start: Int = 0
  private(set) var totalBytes: UInt64 = 0

  mutating func add(bytes: Int) { totalBytes += UInt64(bytes) }

  mutating func note(index: UInt64, now: MonotonicTime) {
    if let last: Sample = samples.last, last.index == index {
      samples[samples.count - 1].time = now
      return
    }
    samples.append(Sample(index: index, bytes: totalBytes, time: now))
    if samples.count - start > StoreLimits.lagSamples { start += 1 }
    if start > StoreLimits.lagSamples {
      samples.removeFirst(start)
      start = 0
    }
  }

  /// For a member whose log ends at `match`.
  func lag(of match: UInt64, now: MonotonicTime) -> (seconds: Double, bytes: UInt64) {
    guard let last: Sample = samples.last, last.index > match else { return (0, 0) }
    var low: Int = start
    var high: Int = samples.count
    while low < high {
      let middle: Int = (low + high) / 2
      if samples[middle].index <= match { low = middle + 1 } else { high = middle }
    }
    let since: MonotonicTime = low > start ? samples[low - 1].time : samples[start].time
    let bytes: UInt64 = totalBytes - (low > start ? samples[low - 1].bytes : samples[start].bytes)
    return (max(0, Double((now - since).inNanoseconds) / 1e9), bytes)
  }
}
