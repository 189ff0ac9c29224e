import Primitives
import Synchronization

/// Stands still until it is told to go on.
final class ManualClock: TimeSource {
  private let nanoseconds: Mutex<Int64> = Mutex(1_000_000_000)
  func now() -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds.withLock { $0 }) }
  func wall() -> WallTime { WallTime(secondsSince1970: 1_700_000_000) }
  func advance(_ duration: Duration) { nanoseconds.withLock { $0 += duration.inNanoseconds } }
}
