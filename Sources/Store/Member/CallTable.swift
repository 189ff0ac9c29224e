import Keyspace
import Primitives

/// Calls that only the leader answers, from arrival to answer. All of them may be made twice.
struct CallTable {
  typealias Completion = (Result<Int64, KeyspaceError>) -> Void
  struct Pending {
    var call: LeaderCall
    var deadline: MonotonicTime
    var completion: Completion
  }
  private var pending: [UInt64: Pending] = [:]
  private var idle: [UInt64] = []
  /// Starts anywhere, so that an answer to an earlier start of this member is not taken for one to this.
  private var lastID: UInt64

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed ^ 0x4341_4C4C)
    lastID = random.next()
  }

  var count: Int { pending.count }
  var hasIdle: Bool { !idle.isEmpty }

  mutating func add(_ call: LeaderCall, deadline: MonotonicTime, _ completion: @escaping Completion) {
    lastID &+= 1
    pending[lastID] = Pending(call: call, deadline: deadline, completion: completion)
    idle.append(lastID)
  }

  mutating func takeIdle() -> [(UInt64, LeaderCall)] {
    defer { idle = [] }
    return idle.compactMap { id in pending[id].map { (id, $0.call) } }
  }

  mutating func putBack(_ id: UInt64) {
    if pending[id] != nil { idle.append(id) }
  }

  mutating func take(_ id: UInt64) -> Pending? { pending.removeValue(forKey: id) }

  /// The leader changed, or a link broke: everything is asked again.
  mutating func retry() { idle = pending.keys.sorted() }

  mutating func takeExpired(_ now: MonotonicTime) -> [Pending] {
    guard !pending.isEmpty else { return [] }
    let ids: [UInt64] = pending.filter { $0.value.deadline <= now }.map(\.key).sorted()
    return ids.compactMap { pending.removeValue(forKey: $0) }
  }

  mutating func takeAll() -> [Pending] {
    defer {
      pending = [:]
      idle = []
    }
    return pending.keys.sorted().compactMap { pending[$0] }
  }
}
