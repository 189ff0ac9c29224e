/// What was measured of one case on one server.
public struct LoadResult: Sendable {
  public var operations: Int = 0
  public var failures: Int = 0
  public var seconds: Double = 0
  /// Of the server's processes together while it was measured.
  public var serverCPUSeconds: Double = 0
  public var p50Milliseconds: Double = 0
  public var p99Milliseconds: Double = 0
  /// Of the server's processes together; only cases about memory have it.
  public var residentMiB: Double?

  public init() {}

  public var perSecond: Double { seconds > 0 ? Double(operations) / seconds : 0 }
  /// CPU-seconds of the server per 1,000 operations; nil without operations.
  public var cpuSecondsPer1000: Double? { operations > 0 ? serverCPUSeconds * 1000 / Double(operations) : nil }

  /// `nanoseconds` in any order.
  mutating func setLatencies(_ nanoseconds: [Int64]) {
    let sorted: [Int64] = nanoseconds.sorted()
    func percentile(_ part: Double) -> Double {
      sorted.isEmpty ? 0 : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1e6
    }
    p50Milliseconds = percentile(0.5)
    p99Milliseconds = percentile(0.99)
  }

  /// The rounds of one case put together: rates and CPU over all of them, latencies as the median round has them.
  static func merged(_ rounds: [LoadResult]) -> LoadResult {
    var whole = LoadResult()
    for round in rounds {
      whole.operations += round.operations
      whole.failures += round.failures
      whole.seconds += round.seconds
      whole.serverCPUSeconds += round.serverCPUSeconds
    }
    func median(_ values: [Double]) -> Double { values.isEmpty ? 0 : values.sorted()[values.count / 2] }
    whole.p50Milliseconds = median(rounds.map(\.p50Milliseconds))
    whole.p99Milliseconds = median(rounds.map(\.p99Milliseconds))
    let resident: [Double] = rounds.compactMap(\.residentMiB)
    if !resident.isEmpty { whole.residentMiB = median(resident) }
    return whole
  }
}
