import Primitives

/// Growing pauses between tries, spread so that many clients that lost one server do not come back in step. Pure.
public struct Backoff: Sendable {
  public let first: Duration
  public let longest: Duration
  private var random: SeededRandom
  private(set) var failures: Int = 0

  public init(first: Duration, longest: Duration, seed: UInt64) {
    precondition(first > .zero && longest >= first, "a backoff needs 0 < first (\(first)) <= longest (\(longest))")
    self.first = first
    self.longest = longest
    self.random = SeededRandom(seed: seed)
  }

  /// After a failure: doubles from `first` up to `longest`, of which between a half and the whole is returned.
  public mutating func next() -> Duration {
    let doubled: Duration = first * Int(1 << min(failures, 30))
    failures += 1
    let nanoseconds: Int64 = min(doubled, longest).inNanoseconds
    return .nanoseconds(Int64.random(in: nanoseconds / 2...nanoseconds, using: &random))
  }

  public mutating func reset() { failures = 0 }
}
