import Synchronization

/// Streams into containers that are under way, against their limit.
final class StreamCount: Sendable {
  private let count = Atomic<Int>(0)

  /// False: there are enough.
  func enter() -> Bool {
    guard count.wrappingAdd(1, ordering: .relaxed).newValue <= KubeletLimits.streams else {
      leave()
      return false
    }
    return true
  }
  func leave() { count.wrappingSubtract(1, ordering: .relaxed) }
}
