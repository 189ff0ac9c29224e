import Glibc

/// The host's clocks. Deadlines use CLOCK_BOOTTIME, which goes on while the machine is suspended: a host that wakes up
/// after its lease ran out must know it.
public struct SystemClock: TimeSource {
  public init() {}

  public func now() -> MonotonicTime {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  public func wall() -> WallTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(secondsSince1970: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec))
  }
}
