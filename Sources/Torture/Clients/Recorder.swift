import Histories
import Primitives
import Synchronization

/// Collects what clients were told, with one clock for all, and the counts that are shown while the run goes on.
final class Recorder: Sendable {
  struct Counts: Sendable {
    var answered: Int = 0
    var unknown: Int = 0
    var faults: Int = 0
    var longestWriteGap: Moment = 0
    /// Answered calls by second since the beginning.
    var bySecond: [Int] = []
    /// When a higher term was seen.
    var elections: [Moment] = []
    var term: UInt64 = 0
  }
  private struct State: Sendable {
    var history = History()
    var counts = Counts()
    var lastWrite: Moment = 0
    var nextValue: UInt64 = 1
    var calls: Int = 0
    var isStopped: Bool = false
  }
  private let state: Mutex<State> = Mutex(State())
  private let clock = SystemClock()
  private let start: MonotonicTime

  init() { start = clock.now() }

  func now() -> Moment { (clock.now() - start).inNanoseconds }

  /// A number that nobody has written yet.
  func value() -> UInt64 {
    state.withLock { state in
      state.nextValue += 1
      return state.nextValue
    }
  }

  /// Keys change when each has seen enough calls.
  var generation: Int { state.withLock { $0.calls / (TortureLimits.callsPerKey * TortureLimits.keysPerGeneration) } }
  var isFull: Bool { state.withLock { $0.history.calls.count >= TortureLimits.calls } }

  /// Somebody wants to see the end: faults end, and what was recorded is judged.
  func stop() { state.withLock { $0.isStopped = true } }
  var isStopped: Bool { state.withLock { $0.isStopped } }

  func add(_ call: Call) {
    state.withLock { state in
      state.history.calls.append(call)
      state.calls += 1
      guard let answer: Call.Answer = call.answer else {
        state.counts.unknown += 1
        return
      }
      state.counts.answered += 1
      let second = Int(call.end / 1_000_000_000)
      while state.counts.bySecond.count <= second { state.counts.bySecond.append(0) }
      state.counts.bySecond[second] += 1
      if answer.changed {
        state.counts.longestWriteGap = max(state.counts.longestWriteGap, call.end - state.lastWrite)
        state.lastWrite = max(state.lastWrite, call.end)
      }
    }
  }

  func add(_ lease: LeaseRecord) { state.withLock { $0.history.leases.append(lease) } }
  func add(_ watch: WatchRecord) { state.withLock { $0.history.watches.append(watch) } }
  func add(replayOf member: Int, _ changes: [Change]) { state.withLock { $0.history.replays.append((member, changes)) } }
  func noteFault(_ injection: Injection) { state.withLock { $0.counts.faults += 1 } }

  /// `term`: as a member tells it.
  func note(term: UInt64) {
    let now: Moment = now()
    state.withLock { state in
      guard term > state.counts.term else { return }
      if state.counts.term > 0 { state.counts.elections.append(now) }
      state.counts.term = term
    }
  }

  /// The beginning of the first fault: what was before it is no gap.
  func beginCounting() {
    let now: Moment = now()
    state.withLock { state in
      state.lastWrite = now
      state.counts.longestWriteGap = 0
    }
  }

  var counts: Counts { state.withLock { $0.counts } }
  var history: History { state.withLock { $0.history } }
}
