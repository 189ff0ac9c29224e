/// A reading of a clock that never goes back and does not know the date. Instances (pure values) are handed readings;
/// only shells own a clock.
public struct MonotonicTime: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Nanoseconds since an arbitrary start that is fixed for the life of the clock.
  public var nanoseconds: Int64
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }
  public static func + (left: Self, right: Duration) -> Self { Self(nanoseconds: left.nanoseconds + right.inNanoseconds) }
  public static func - (left: Self, right: Duration) -> Self { Self(nanoseconds: left.nanoseconds - right.inNanoseconds) }
  public static func - (left: Self, right: Self) -> Duration { .nanoseconds(left.nanoseconds - right.nanoseconds) }
  public var description: String { "\(nanoseconds / 1_000_000) ms" }
}

extension Duration {
  /// Whole nanoseconds; saturates beyond 292 years.
  public var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflowed ? (seconds < 0 ? .min : .max) : sum
  }

  /// Milliseconds with fractions, for reports.
  public var inMilliseconds: Double { Double(inNanoseconds) / 1e6 }
}

/// What a shell reads time from. `SystemClock` on hosts, a simulated one in tests.
public protocol TimeSource: Sendable {
  /// Monotonic time (CLOCK_MONOTONIC: stands still while the machine sleeps, as leases want it least: see `SystemClock`).
  func now() -> MonotonicTime
  /// Seconds and nanoseconds since 1970-01-01 UTC. For people and object timestamps, never for deadlines.
  func wall() -> WallTime
}

public struct WallTime: Hashable, Comparable, Sendable {
  public var secondsSince1970: Int64
  public var nanoseconds: Int32
  public init(secondsSince1970: Int64, nanoseconds: Int32 = 0) {
    self.secondsSince1970 = secondsSince1970
    self.nanoseconds = nanoseconds
  }
  public static func < (left: Self, right: Self) -> Bool {
    (left.secondsSince1970, left.nanoseconds) < (right.secondsSince1970, right.nanoseconds)
  }
}
