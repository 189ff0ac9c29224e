import Logging
import Primitives
import Synchronization

/// Says that somebody sends what is no question: the first time at once, then once in a while with how many there were, so that whoever
/// sends garbage does not fill the disk.
final class MalformedNotes: Sendable {
  private struct State {
    var lastSaid: MonotonicTime?
    var unsaid: Int = 0
  }
  private let state: Mutex<State> = Mutex(State())
  private let logger: Logger

  init(_ logger: Logger) { self.logger = logger }

  /// How many to tell of now; nil to be silent.
  func onMalformed(now: MonotonicTime) -> Int? {
    state.withLock { state in
      state.unsaid += 1
      if let last = state.lastSaid, now - last < .seconds(DNSLimits.malformedLogSeconds) { return nil }
      defer { state = State(lastSaid: now) }
      return state.unsaid
    }
  }

  func note(_ peer: String, over transport: String) {
    DNSMetrics.malformed.increment()
    guard let count: Int = onMalformed(now: SystemClock().now()) else { return }
    logger.warning("malformed messages are refused", metadata: ["last": "\(peer)", "transport": "\(transport)", "count": "\(count)"])
  }
}
