import Synchronization

/// A value that arrives once and is awaited once.
final class OneShot<Value: Sendable>: Sendable {
  private enum State {
    case empty
    case waiting(CheckedContinuation<Value, any Error>)
    case done(Result<Value, any Error>)
  }
  private let state: Mutex<State> = Mutex(.empty)

  /// True the first time; later results are dropped.
  @discardableResult
  func complete(_ result: Result<Value, any Error>) -> Bool {
    let (first, waiter): (Bool, CheckedContinuation<Value, any Error>?) = state.withLock { state in
      switch state {
      case .empty:
        state = .done(result)
        return (true, nil)
      case .waiting(let continuation):
        state = .done(result)
        return (true, continuation)
      case .done:
        return (false, nil)
      }
    }
    waiter?.resume(with: result)
    return first
  }

  var isDone: Bool {
    state.withLock { state in
      if case .done = state { return true }
      return false
    }
  }

  /// Does not look at cancellation: whoever cancels completes the shot with an error.
  func value() async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let ready: Result<Value, any Error>? = state.withLock { state in
        switch state {
        case .empty:
          state = .waiting(continuation)
          return nil
        case .waiting:
          preconditionFailure("two tasks await one response head")
        case .done(let result):
          return result
        }
      }
      if let ready { continuation.resume(with: ready) }
    }
  }
}
