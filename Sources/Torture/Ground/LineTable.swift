import Primitives
import Synchronization

/// The state of the lines between centers, read by every relayed connection.
final class LineTable: Sendable {
  private struct Key: Hashable, Sendable {
    var from: Int
    var to: Int
  }
  private struct State: Sendable {
    var lines: [Key: LineState] = [:]
    /// Connections that wait for a line to open.
    var waiting: [Int: @Sendable () -> Void] = [:]
    var next: Int = 0
  }
  private let state: Mutex<State> = Mutex(State())

  func line(from: Int, to: Int) -> LineState {
    guard from != to else { return LineState(delay: .zero) }
    return state.withLock { $0.lines[Key(from: from, to: to)] } ?? LineState(delay: .milliseconds(TortureLayout.delay(from, to)))
  }

  func set(from: Int, to: Int, _ line: LineState) {
    let told: [@Sendable () -> Void] = state.withLock { state in
      state.lines[Key(from: from, to: to)] = line
      return Array(state.waiting.values)
    }
    for tell in told { tell() }
  }

  /// `changed` is called after every change, on the caller's thread, until `forget`.
  func observe(_ changed: @escaping @Sendable () -> Void) -> Int {
    state.withLock { state in
      state.next += 1
      state.waiting[state.next] = changed
      return state.next
    }
  }

  func forget(_ observer: Int) { state.withLock { state in state.waiting[observer] = nil } }
}
