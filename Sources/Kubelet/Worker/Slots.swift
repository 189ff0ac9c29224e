import Synchronization

/// At most so many at once; others wait in the order in which they came.
final class Slots: Sendable {
  private struct State {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state: Mutex<State>
  init(_ count: Int) { state = Mutex(State(free: count)) }

  func with<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
    await withCheckedContinuation { continuation in
      let go: Bool = state.withLock { state in
        guard state.free > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.free -= 1
        return true
      }
      if go { continuation.resume() }
    }
    defer { release() }
    // Whoever was cancelled while waiting passes its place on at once.
    try Task.checkCancellation()
    return try await body()
  }

  private func release() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if state.waiting.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
