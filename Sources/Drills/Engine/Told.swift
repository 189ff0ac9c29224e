import Synchronization

/// Which phase of every step was told last.
final class Told: Sendable {
  private let last: Mutex<[Int: RunRecord.StepPhase]> = Mutex([:])

  /// True once per change.
  func isNew(_ step: Int, _ phase: RunRecord.StepPhase) -> Bool {
    last.withLock { last in
      guard (last[step] ?? .pending) != phase else { return false }
      last[step] = phase
      return true
    }
  }
}
