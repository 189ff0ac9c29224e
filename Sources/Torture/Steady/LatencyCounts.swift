import Glibc

/// How often which latency was seen, in steps of two parts of a hundred: quantiles of millions of calls without keeping them.
struct LatencyCounts: Sendable {
  private static let step: Double = 1.02
  private static let scale: Double = 1 / Glibc.log(step)
  private var counts: [Int] = []
  private(set) var count: Int = 0
  private(set) var longest: Int64 = 0

  /// Nanoseconds; below a microsecond counts as one.
  mutating func add(_ nanoseconds: Int64) {
    let place = Int(Glibc.log(max(1, Double(nanoseconds) / 1_000)) * Self.scale)
    if place >= counts.count { counts += [Int](repeating: 0, count: place + 1 - counts.count) }
    counts[place] += 1
    count += 1
    longest = max(longest, nanoseconds)
  }

  /// Milliseconds; 0 without any.
  func quantile(_ part: Double) -> Double {
    guard count > 0 else { return 0 }
    var left: Int = max(1, Int((Double(count) * part).rounded(.up)))
    for (place, number) in counts.enumerated() {
      left -= number
      if left <= 0 { return min(Double(longest) / 1e6, Glibc.exp(Double(place + 1) / Self.scale) / 1_000) }
    }
    return Double(longest) / 1e6
  }
}
