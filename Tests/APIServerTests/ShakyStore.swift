import Keyspace
import Primitives
import Synchronization

/// A store that carries writes out and then says it does not know, or says that nobody leads, as often as it is told to.
final class ShakyStore: KeyValueStore {
  private let inner: LocalKeyspace
  private let plan: Mutex<(undecided: Int, leaderless: Int)> = Mutex((0, 0))
  init(_ inner: LocalKeyspace) { self.inner = inner }

  func next(undecided: Int = 0, leaderless: Int = 0) { plan.withLock { $0 = (undecided, leaderless) } }

  func transact(_ request: TransactionRequest) async throws -> TransactionResponse {
    let (undecided, leaderless): (Bool, Bool) = plan.withLock { plan in
      if plan.leaderless > 0 {
        plan.leaderless -= 1
        return (false, true)
      }
      plan.undecided -= 1
      return (plan.undecided >= 0, false)
    }
    if leaderless { throw KeyspaceError(.noLeader, "an election is under way") }
    let response: TransactionResponse = try await inner.transact(request)
    if undecided { throw KeyspaceError(.timeout, "the leader went away") }
    return response
  }

  func range(_ request: RangeRequest) async throws -> RangeResponse { try await inner.range(request) }
  func watch(_ request: WatchRequest) async throws -> any WatchCursor { try await inner.watch(request) }
  func compact(revision: Int64) async throws { try await inner.compact(revision: revision) }
  func grantLease(ttlSeconds: Int64, id: Int64) async throws -> LeaseGrant { try await inner.grantLease(ttlSeconds: ttlSeconds, id: id) }
  func revokeLease(id: Int64) async throws { try await inner.revokeLease(id: id) }
  func keepLeaseAlive(id: Int64) async throws -> Int64 { try await inner.keepLeaseAlive(id: id) }
  func leaseTimeToLive(id: Int64, withKeys: Bool) async throws -> LeaseStatus {
    try await inner.leaseTimeToLive(id: id, withKeys: withKeys)
  }
  func leases() async throws -> [Int64] { try await inner.leases() }
}
