import Synchronization

/// Opens once; whoever waits goes on then. Waiting ends with `CancellationError` when the waiter is cancelled.
final class Gate: Sendable {
  private struct State {
    var open: Bool = false
    var next: UInt64 = 0
    var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
    /// Cancelled before they began to wait.
    var cancelled: Set<UInt64> = []
  }
  private let state: Mutex<State> = Mutex(State())

  var isOpen: Bool { state.withLock { $0.open } }

  func open() {
    let waiters: [CheckedContinuation<Void, any Error>] = state.withLock { state in
      state.open = true
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async throws {
    let id: UInt64 = state.withLock { state in
      state.next += 1
      return state.next
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let answer: Result<Void, any Error>? = state.withLock { state in
          if state.open { return .success(()) }
          if state.cancelled.remove(id) != nil || Task.isCancelled { return .failure(CancellationError()) }
          state.waiters[id] = continuation
          return nil
        }
        if let answer { continuation.resume(with: answer) }
      }
    } onCancel: {
      let waiter: CheckedContinuation<Void, any Error>? = state.withLock { state in
        if let waiter = state.waiters.removeValue(forKey: id) { return waiter }
        if !state.open { state.cancelled.insert(id) }
        return nil
      }
      waiter?.resume(throwing: CancellationError())
    }
    _ = state.withLock { $0.cancelled.remove(id) }
  }
}
