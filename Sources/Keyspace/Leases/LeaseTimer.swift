import Primitives

/// When leases run out, as the leader alone keeps it: deadlines on its monotonic clock, in a heap with stale entries left in place.
/// A new leader knows no deadlines and gives every lease what its checkpoint says is left, or its whole time again, so a lease may live
/// longer than granted, never shorter. The shell proposes a revocation for what `expired` returns, and only while it is confirmed leader.
public struct LeaseTimer: Sendable {
  private struct Item: Sendable {
    var deadline: MonotonicTime
    var id: Int64
  }
  private var deadlines: [Int64: MonotonicTime] = [:]
  private var heap: [Item] = []

  public init() {}

  /// Starts a lease's time, or starts it again.
  public mutating func start(_ id: Int64, ttlSeconds: Int64, now: MonotonicTime) {
    let seconds: Int64 = min(ttlSeconds, 4_000_000_000)  // 126 years: beyond any clock, within its arithmetic
    let deadline: MonotonicTime = now + .seconds(seconds)
    deadlines[id] = deadline
    push(Item(deadline: deadline, id: id))
    // Keep-alives leave stale items behind; once they outnumber the leases, the heap is built anew.
    if heap.count > 64, heap.count > deadlines.count * 4 { rebuild() }
  }

  public mutating func stop(_ id: Int64) { deadlines[id] = nil }

  /// All leases from now on, with `grace` added: what a new leader starts with.
  public mutating func restart(_ keyspace: Keyspace, now: MonotonicTime, grace: Duration) {
    self = LeaseTimer()
    for id in keyspace.leases {
      let remaining: Int64 = keyspace.leaseRemaining(id)
      start(id, ttlSeconds: remaining > 0 ? remaining : keyspace.leaseTTL(id) ?? 0, now: now + grace)
    }
  }

  public mutating func clear() { self = LeaseTimer() }

  func deadline(of id: Int64) -> MonotonicTime? { deadlines[id] }
  public func remaining(_ id: Int64, now: MonotonicTime) -> Duration? { deadlines[id].map { $0 - now } }

  /// Leases past their deadline, the oldest first. A lease returned is returned again a second later unless it was stopped:
  /// the proposal to revoke it may get lost.
  public mutating func expired(now: MonotonicTime, limit: Int = KeyspaceLimits.expiredLeasesPerRound) -> [Int64] {
    var ids: [Int64] = []
    while ids.count < limit, let first: Item = heap.first, first.deadline <= now {
      pop()
      guard deadlines[first.id] == first.deadline else { continue }
      ids.append(first.id)
      let again: MonotonicTime = now + .seconds(1)
      deadlines[first.id] = again
      push(Item(deadline: again, id: first.id))
    }
    return ids
  }

  private mutating func rebuild() {
    heap = []
    for (id, deadline) in deadlines { push(Item(deadline: deadline, id: id)) }
  }

  private static func precedes(_ left: Item, _ right: Item) -> Bool { (left.deadline, left.id) < (right.deadline, right.id) }

  private mutating func push(_ item: Item) {
    heap.append(item)
    var child: Int = heap.count - 1
    while child > 0, Self.precedes(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent: Int = 0
    while true {
      var least: Int = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && Self.precedes(heap[child], heap[least]) { least = child }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
