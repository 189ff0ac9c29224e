import Primitives

/// What a keyspace can do for whoever stores something in it: one member of ours in process (`Store`), or any etcd v3 over
/// gRPC (`EtcdAPI`'s client). Semantics are etcd v3's (https://etcd.io/docs/v3.6/learning/api/); every call may be made from
/// any task. Errors are `KeyspaceError`s whatever stands behind.
public protocol KeyValueStore: Sendable {
  /// Reads keys. Linearizable unless `request.serializable`: the answer reflects every write acknowledged before the call.
  func range(_ request: RangeRequest) async throws -> RangeResponse
  /// Compares, then applies one of two lists of operations, all at one new revision (none if nothing was written).
  func transact(_ request: TransactionRequest) async throws -> TransactionResponse
  /// Events of a range from a revision on, in revision order, none missed. The caller pulls: what it has not asked for is
  /// not buffered for it, so a slow watcher costs a cursor, not memory.
  func watch(_ request: WatchRequest) async throws -> any WatchCursor
  /// Forgets revisions below `revision`; reading them fails with `.compacted` from then on.
  func compact(revision: Int64) async throws
  func grantLease(ttlSeconds: Int64, id: Int64) async throws -> LeaseGrant
  func revokeLease(id: Int64) async throws
  /// Starts the lease's time again. Returns the granted TTL in seconds, 0 if the lease does not exist any more.
  func keepLeaseAlive(id: Int64) async throws -> Int64
  func leaseTimeToLive(id: Int64, withKeys: Bool) async throws -> LeaseStatus
  func leases() async throws -> [Int64]
}

/// One watcher's place in the history.
public protocol WatchCursor: Sendable {
  /// Waits for and takes the next events, at most `limit`. A revision's events are never split over two batches unless one
  /// revision alone has more than `limit`. An empty batch tells progress: nothing matched up to `batch.revision`.
  /// Throws `.compacted` when the place was compacted away before it was read, `.cancelled` after `cancel()`.
  /// One caller at a time.
  func next(limit: Int) async throws -> WatchBatch
  /// Asks for a sign of life: if nothing is to be told, the pending or following `next` answers at once with an empty batch
  /// whose revision says how far everything was told (etcd's `WatchProgressRequest`, the apiserver's bookmarks).
  func requestProgress()
  func cancel()
}

extension WatchCursor {
  /// Where progress cannot be asked for, it comes when it comes.
  public func requestProgress() {}
}

extension KeyValueStore {
  public func get(_ key: Bytes, serializable: Bool = false) async throws -> RangeResponse {
    try await range(RangeRequest(key: key, serializable: serializable))
  }

  public func put(_ key: Bytes, _ value: Bytes, lease: Int64 = 0) async throws -> Int64 {
    try await transact(TransactionRequest(success: [.put(PutRequest(key: key, value: value, lease: lease))])).revision
  }
}
