import Journal
import Primitives
import Synchronization

/// Between the journal's thread and the loop: the newest durable sequence, so that appends that finished together cost one hop.
final class PersistedRelay: Sendable {
  private struct State: Sendable {
    var sequence: UInt64 = 0
    var error: JournalError?
    var isUnderWay: Bool = false
  }
  private let state: Mutex<State> = Mutex(State())

  /// Returns whether the loop must be woken.
  func note(_ sequence: UInt64, _ result: Result<Void, JournalError>) -> Bool {
    state.withLock { state in
      switch result {
      case .success: if state.error == nil { state.sequence = max(state.sequence, sequence) }
      case .failure(let error): state.error = state.error ?? error
      }
      defer { state.isUnderWay = true }
      return !state.isUnderWay
    }
  }

  func take() -> Result<UInt64, JournalError> {
    state.withLock { state in
      state.isUnderWay = false
      if let error: JournalError = state.error { return .failure(error) }
      return .success(state.sequence)
    }
  }
}
