import Primitives

/// How evenly a member lives: the longest time between two of its own ticks, and the longest time without a word of its leader, of the last
/// ten to twenty seconds. An election is explained by one of them, or by a disk.
struct Pulse: Hashable, Sendable {
  struct Longest: Hashable, Sendable {
    /// Between two ticks: the loop was busy, or the process got no processor.
    var pause: Duration = .zero
    /// Since the leader was last heard; on the leader itself nothing.
    var silence: Duration = .zero
  }
  static let window: Duration = .seconds(10)

  private var lastTick: MonotonicTime?
  private var lastWord: MonotonicTime?
  private var windowBegan = MonotonicTime(nanoseconds: 0)
  private var current = Longest()
  private var before = Longest()

  mutating func onTick(now: MonotonicTime) {
    if now - windowBegan >= Self.window {
      before = now - windowBegan >= Self.window * 2 ? Longest() : current
      current = Longest()
      windowBegan = now
    }
    if let lastTick { current.pause = max(current.pause, now - lastTick) }
    lastTick = now
    noteSilence(now)
  }

  mutating func onWord(now: MonotonicTime) {
    noteSilence(now)
    lastWord = now
  }

  /// Another one leads, or nobody: silence counts from the first word of the next.
  mutating func onLeadership(now: MonotonicTime) {
    noteSilence(now)
    lastWord = nil
  }

  private mutating func noteSilence(_ now: MonotonicTime) {
    if let lastWord { current.silence = max(current.silence, now - lastWord) }
  }

  var longest: Longest { Longest(pause: max(current.pause, before.pause), silence: max(current.silence, before.silence)) }
}
