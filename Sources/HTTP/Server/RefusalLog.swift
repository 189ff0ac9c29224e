import Logging
import Primitives
import Synchronization

/// Says once per connection why it was refused, and no more than `burst` times in ten seconds: whoever sends garbage does
/// not get to fill the disk. What was left out is counted and told.
final class RefusalLog: Sendable {
  private struct State {
    var windowStart: MonotonicTime
    var said: Int = 0
    var omitted: Int = 0
  }
  private let state: Mutex<State>
  private let logger: Logger
  private let time: any TimeSource
  private let burst: Int

  init(logger: Logger, time: any TimeSource = SystemClock(), burst: Int = 20) {
    self.logger = logger
    self.time = time
    self.burst = burst
    state = Mutex(State(windowStart: time.now()))
  }

  func refused(_ remoteAddress: String, _ reason: String) {
    let now: MonotonicTime = time.now()
    let (say, omitted): (Bool, Int) = state.withLock { state in
      var omitted: Int = 0
      if now - state.windowStart > .seconds(10) {
        omitted = state.omitted
        state = State(windowStart: now)
      }
      guard state.said < burst else {
        state.omitted += 1
        return (false, omitted)
      }
      state.said += 1
      return (true, omitted)
    }
    if omitted > 0 { logger.info("more connections refused, not listed", metadata: ["count": "\(omitted)"]) }
    if say { logger.info("connection refused", metadata: ["peer": "\(remoteAddress)", "reason": "\(reason)"]) }
  }
}
