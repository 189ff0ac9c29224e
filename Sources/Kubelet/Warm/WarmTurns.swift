import Primitives

/// Whether pods without a prepared sandbox wait a little for those with one, as a value. Only for a moment after the first pod came here:
/// later nobody knows whether what is left over will ever be taken.
struct WarmTurns: Sendable {
  /// When the first sandbox was to be made here since the center is active.
  private var since: MonotonicTime?
  /// Pods that took a prepared sandbox and whose containers do not run yet.
  private var starting: Set<String> = []

  var isAnybodyStarting: Bool { !starting.isEmpty }
  mutating func onTaken(_ pod: String) { starting.insert(pod) }
  mutating func onBegan(_ pod: String) { starting.remove(pod) }

  /// A sandbox is to be made; `free`: prepared ones that nobody has taken. How long to wait at most; nil: not at all.
  mutating func onMaking(free: Int, now: MonotonicTime) -> Duration? {
    let since: MonotonicTime = since ?? now
    self.since = since
    let wait: Duration = starting.isEmpty ? (free > 0 ? KubeletLimits.preparedExpected : .zero) : KubeletLimits.preparedFirst
    let left: Duration = since + wait - now
    return left > .zero ? left : nil
  }
}
