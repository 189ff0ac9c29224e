import Primitives

/// How long to wait before the next attempt: doubled each time up to a limit, less up to half of it by a seeded draw, so that members
/// that lost each other at the same instant do not dial at the same instant.
struct Backoff {
  private let first: Duration
  private let last: Duration
  private var current: Duration
  private var random: SeededRandom

  init(limits: LinkLimits, seed: UInt64) {
    first = limits.firstRetry
    last = limits.lastRetry
    current = first
    random = SeededRandom(seed: seed)
  }

  mutating func next() -> Duration {
    let wait: Duration = current
    current = min(current * 2, last)
    let nanoseconds: Int64 = wait.inNanoseconds
    return .nanoseconds(nanoseconds - Int64.random(in: 0...nanoseconds / 2, using: &random))
  }

  mutating func reset() { current = first }
}
