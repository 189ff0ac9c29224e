import Keyspace
import Primitives

/// Linearizable reads of this member's callers. All that arrive in one turn of the loop share one question to consensus.
struct ReadTable {
  struct Waiting {
    var deadline: MonotonicTime
    /// nil: the keyspace may be read now.
    var completion: (KeyspaceError?) -> Void
  }
  private(set) var waiting: [Waiting] = []
  private var asked: [UInt64: [Waiting]] = [:]
  private var lastContext: UInt64 = 0
  private(set) var count: Int = 0

  mutating func add(_ read: Waiting) {
    waiting.append(read)
    count += 1
  }

  /// The context to ask consensus with, for everything that waits.
  mutating func ask() -> UInt64 {
    lastContext += 1
    asked[lastContext] = waiting
    waiting = []
    return lastContext
  }

  mutating func take(_ context: UInt64) -> [Waiting] {
    let reads: [Waiting] = asked.removeValue(forKey: context) ?? []
    count -= reads.count
    return reads
  }

  /// Consensus did not answer: asked again with the next.
  mutating func dropped(_ context: UInt64) { waiting = (asked.removeValue(forKey: context) ?? []) + waiting }

  mutating func takeExpired(_ now: MonotonicTime) -> [Waiting] {
    var expired: [Waiting] = []
    func sift(_ reads: inout [Waiting]) {
      guard reads.contains(where: { $0.deadline <= now }) else { return }
      expired += reads.filter { $0.deadline <= now }
      reads.removeAll { $0.deadline <= now }
    }
    sift(&waiting)
    for context in asked.keys.sorted() { sift(&asked[context, default: []]) }
    count -= expired.count
    return expired
  }

  mutating func takeAll() -> [Waiting] {
    let all: [Waiting] = asked.keys.sorted().flatMap { asked[$0] ?? [] } + waiting
    self = ReadTable()
    return all
  }
}
