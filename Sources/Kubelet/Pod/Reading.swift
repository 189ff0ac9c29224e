import Primitives

/// Both clocks at one moment, handed to instances: the monotonic one for waits, the wall for what people read in objects.
public struct Reading: Hashable, Sendable {
  public var monotonic: MonotonicTime
  public var wall: WallTime
  public init(monotonic: MonotonicTime, wall: WallTime) {
    self.monotonic = monotonic
    self.wall = wall
  }
}

extension TimeSource {
  public func reading() -> Reading { Reading(monotonic: now(), wall: wall()) }
}

extension WallTime {
  func duration(to later: WallTime) -> Duration {
    .seconds(later.secondsSince1970 - secondsSince1970) + .nanoseconds(Int64(later.nanoseconds) - Int64(nanoseconds))
  }

  /// The runtime's clock readings are nanoseconds since 1970; zero means "not yet".
  public init?(runtimeNanoseconds: Int64) {
    guard runtimeNanoseconds > 0 else { return nil }
    self.init(secondsSince1970: runtimeNanoseconds / 1_000_000_000, nanoseconds: Int32(runtimeNanoseconds % 1_000_000_000))
  }
}
