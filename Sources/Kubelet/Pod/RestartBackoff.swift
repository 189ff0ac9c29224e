import Primitives

/// Waits of 10 s doubling to 5 min, forgotten after 10 min of quiet.
/// The first repetition is immediate: the wait is counted from the failure that follows it (k8s: CrashLoopBackOff).
public struct RestartBackoff: Hashable, Sendable {
  private var delay: Duration?
  private var lastStep: MonotonicTime?

  public init() {}

  /// When the next try may begin after a failure at `failedAt`; `failedAt` itself if at once.
  public func earliest(afterFailureAt failedAt: MonotonicTime) -> MonotonicTime {
    guard let delay, let lastStep, failedAt - lastStep <= KubeletLimits.backoffReset else { return failedAt }
    return failedAt + delay
  }

  /// A try begins, after a failure at `failedAt`.
  public mutating func step(failedAt: MonotonicTime, now: MonotonicTime) {
    if let delay, let lastStep, failedAt - lastStep <= KubeletLimits.backoffReset {
      self.delay = min(delay * 2, KubeletLimits.backoffMost)
    } else {
      delay = KubeletLimits.backoffStart
    }
    lastStep = now
  }

  /// The wait in force, for messages: `back-off 20s restarting failed container`.
  public var current: Duration { delay ?? .zero }
}
