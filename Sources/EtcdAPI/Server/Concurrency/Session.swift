import HTTP
import Keyspace
import Primitives

/// What locks and elections have in common (etcd `client/v3/concurrency`): keys `NAME/LEASE` whose order of creation is the queue.
struct Session: Sendable {
  /// Of a lease granted here because the caller brought none, in seconds, as etcd's sessions take it. Nobody renews it: the service answers
  /// once, and the caller has no lease to keep.
  private static let leaseSeconds: Int64 = 60

  let store: CallerStore
  let prefix: Bytes
  let lease: Int64
  /// The caller's own place in the queue.
  var key: Bytes { prefix + Bytes(String(lease, radix: 16)) }

  init(_ store: CallerStore, name: Bytes, lease: Int64) async throws {
    self.store = store
    prefix = name + [UInt8(ascii: "/")]
    self.lease = lease != 0 ? lease : try await store.grantLease(ttlSeconds: Self.leaseSeconds).id
  }

  /// Enters the queue, or finds itself in it. Answers the transaction and the revision of the own key's creation.
  func enter(value: Bytes) async throws -> (response: TransactionResponse, revision: Int64) {
    let response: TransactionResponse = try await store.transact(
      TransactionRequest(
        compares: [Compare(key, .equal, .create(0))],
        success: [.put(PutRequest(key: key, value: value, lease: lease)), .range(Self.first(prefix))],
        failure: [.range(RangeRequest(key: key)), .range(Self.first(prefix))]))
    if response.succeeded { return (response, response.revision) }
    guard case .range(let own)? = response.responses.first, let found: KeyValue = own.keyValues.first else {
      throw GRPCStatus(.internal, "etcdserver: a key that was there is not in the answer")
    }
    return (response, found.createRevision)
  }

  /// Who stands first in the queue.
  static func first(_ prefix: Bytes) -> RangeRequest {
    RangeRequest(.prefix(prefix), limit: 1, sortTarget: .create, sortOrder: .ascend)
  }

  /// Until every key of the queue that was created before `revision` is gone.
  func waitForTurn(before revision: Int64) async throws {
    var last = RangeRequest(.prefix(prefix), limit: 1, sortTarget: .create, sortOrder: .descend)
    last.maxCreateRevision = revision - 1
    guard last.maxCreateRevision > 0 else { return }
    while true {
      let response: RangeResponse = try await store.range(last)
      guard let ahead: KeyValue = response.keyValues.first else { return }
      try await waitForDeletion(of: ahead.key, from: response.revision)
    }
  }

  private func waitForDeletion(of key: Bytes, from revision: Int64) async throws {
    do {
      let cursor: any WatchCursor = try await store.watch(WatchRequest(KeyRange(key: key), startRevision: revision, noPut: true))
      defer { cursor.cancel() }
      while true {
        try Task.checkCancellation()
        if try await !cursor.next(limit: EtcdLimits.eventsPerBatch).events.isEmpty { return }
      }
    } catch let error as KeyspaceError where error.code == .compacted {
      // What was to be seen may have been compacted away: the queue is looked at again.
      return
    }
  }

  /// Leaves the queue although nobody waits for the answer any more.
  func leave(created revision: Int64) {
    let (store, key): (CallerStore, Bytes) = (store, key)
    Task { try? await Self.delete(key, created: revision, store) }
  }

  @discardableResult
  static func delete(_ key: Bytes, created revision: Int64, _ store: CallerStore) async throws -> TransactionResponse {
    try await store.transact(
      TransactionRequest(
        compares: [Compare(key, .equal, .create(revision))], success: [.delete(DeleteRequest(KeyRange(key: key)))]))
  }
}
