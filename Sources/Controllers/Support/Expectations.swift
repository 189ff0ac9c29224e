import Primitives
import Synchronization

/// What a controller did that its informer has not shown yet: until then it must not count pods (client-go's
/// UIDTrackingControllerExpectations).
struct ExpectationsInstance: Sendable {
  private struct Entry {
    var creations: Int = 0
    var deletions: Set<String> = []
    var since: MonotonicTime
  }
  private var entries: [String: Entry] = [:]

  /// All that was expected of `key` was seen, or was not within a minute: then a new look at the facts is better than waiting.
  func areSatisfied(_ key: String, now: MonotonicTime) -> Bool {
    guard let entry: Entry = entries[key] else { return true }
    return (entry.creations <= 0 && entry.deletions.isEmpty) || now - entry.since > .seconds(ControllerLimits.expectationSeconds)
  }

  mutating func expect(_ key: String, creations: Int, deletions: some Sequence<String>, now: MonotonicTime) {
    entries[key] = Entry(creations: creations, deletions: Set(deletions), since: now)
  }
  mutating func onCreated(_ key: String) { entries[key]?.creations -= 1 }
  /// `pod` is the same text that was expected: name and uid.
  mutating func onDeleted(_ key: String, _ pod: String) { entries[key]?.deletions.remove(pod) }
  mutating func forget(_ key: String) { entries[key] = nil }
}

final class Expectations: Sendable {
  private let instance: Mutex<ExpectationsInstance> = Mutex(ExpectationsInstance())
  func with<Result: Sendable>(_ body: (inout ExpectationsInstance) -> Result) -> Result { instance.withLock { body(&$0) } }
}
