import Keyspace
import Primitives
import Synchronization

/// Events live for an hour (kube-apiserver's `--event-ttl`): each is put under a store lease, and those of one minute share one, so that an
/// hour of events costs 60 leases and not one per event.
final class EventLease: Sendable {
  static let lifetimeSeconds: Int64 = 3600
  static let sharing: Duration = .seconds(60)

  private let store: any KeyValueStore
  private let clock: any TimeSource
  private let current: Mutex<(id: Int64, until: MonotonicTime)?> = Mutex(nil)

  init(store: any KeyValueStore, clock: any TimeSource) {
    self.store = store
    self.clock = clock
  }

  /// A lease that lasts for at least an event's life.
  func id() async throws -> Int64 {
    let now: MonotonicTime = clock.now()
    if let open = current.withLock({ $0 }), now < open.until { return open.id }
    let ttl: Int64 = Self.lifetimeSeconds + Self.sharing.components.seconds
    let granted: LeaseGrant = try await store.grantLease(ttlSeconds: ttl, id: 0)
    current.withLock { $0 = (granted.id, now + Self.sharing) }
    return granted.id
  }

  /// The lease turned out to be gone (the store was restored from a backup).
  func forget() { current.withLock { $0 = nil } }
}
