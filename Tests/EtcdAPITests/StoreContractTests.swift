import EtcdAPI
import HTTP
import Keyspace
import NIOCore
import Primitives
import Synchronization
import Testing

/// The `KeyValueStore` contract through client and server and back.
@Suite struct StoreContractTests {
  @Test func readsWritesAndTransactions() async throws {
    try await withServer { server in
      let store: EtcdStore = server.store
      #expect(try await store.put(Bytes("a"), Bytes("1")) == 2)
      let read: RangeResponse = try await store.get(Bytes("a"))
      #expect(read.revision == 2 && read.count == 1 && !read.more)
      #expect(read.keyValues == [KeyValue(key: Bytes("a"), value: Bytes("1"), createRevision: 2, modRevision: 2, version: 1)])
      let nested = TransactionRequest(
        compares: [Compare(Bytes("a"), .equal, .value(Bytes("1"))), Compare(Bytes("b"), .equal, .version(0))],
        success: [
          .put(PutRequest(key: Bytes("a"), value: Bytes("2"), previous: true)),
          .transaction(
            TransactionRequest(compares: [Compare(Bytes("a"), .greater, .mod(1))], success: [.put(PutRequest(key: Bytes("b"), value: []))])),
          .delete(DeleteRequest(.prefix(Bytes("none")))), .range(RangeRequest(key: Bytes("a"))),
        ])
      let direct: TransactionResponse = try await LocalCopy.transact(server.keyspace, nested)
      let remote: TransactionResponse = try await store.transact(nested)
      #expect(remote == direct)
      #expect(try await store.range(RangeRequest(.prefix([]), limit: 1)) == server.keyspace.range(RangeRequest(.prefix([]), limit: 1)))
    }
  }

  /// The same transaction on a copy of the keyspace: what the server must answer too.
  private enum LocalCopy {
    static func transact(_ keyspace: LocalKeyspace, _ request: TransactionRequest) async throws -> TransactionResponse {
      var copy: Keyspace = keyspace.snapshot()
      guard case .transaction(let response)? = try copy.apply(.transaction(request), at: copy.appliedIndex + 1)?.get() else {
        throw KeyspaceError(.unavailable, "no answer")
      }
      return response
    }
  }

  @Test func errorsKeepTheirCodes() async throws {
    try await withServer { server in
      let store: EtcdStore = server.store
      await #expect(throws: KeyspaceError(.emptyKey, "")) { _ = try await store.get([]) }
      await #expect(throws: KeyspaceError(.emptyKey, "")) { _ = try await store.put([], []) }
      await #expect(throws: KeyspaceError(.futureRevision, "")) { _ = try await store.range(RangeRequest(key: [1], revision: 99)) }
      await #expect(throws: KeyspaceError(.leaseNotFound, "")) { _ = try await store.put([1], [], lease: 5) }
      await #expect(throws: KeyspaceError(.requestTooLarge, "")) { _ = try await store.put([1], Bytes(repeating: 0, count: 1_600_000)) }
      await #expect(throws: KeyspaceError(.tooManyOperations, "")) {
        _ = try await store.transact(TransactionRequest(success: (0..<200).map { .put(PutRequest(key: [UInt8($0), 1], value: [])) }))
      }
      await #expect(throws: KeyspaceError(.futureRevision, "")) { try await store.compact(revision: 50) }
      _ = try await store.grantLease(ttlSeconds: 60, id: 9)
      await #expect(throws: KeyspaceError(.leaseExists, "")) { _ = try await store.grantLease(ttlSeconds: 60, id: 9) }
      await #expect(throws: KeyspaceError(.leaseTTLTooLarge, "")) { _ = try await store.grantLease(ttlSeconds: 9_100_000_000, id: 10) }
    }
  }

  @Test func leases() async throws {
    try await withServer { server in
      let store: EtcdStore = server.store
      let grant: LeaseGrant = try await store.grantLease(ttlSeconds: 30, id: 0)
      #expect(grant.id != 0 && grant.ttlSeconds == 30)
      _ = try await store.put(Bytes("l"), [1], lease: grant.id)
      #expect(try await store.keepLeaseAlive(id: grant.id) == 30)
      #expect(try await store.keepLeaseAlive(id: 77) == 0)
      let status: LeaseStatus = try await store.leaseTimeToLive(id: grant.id, withKeys: true)
      #expect(status.grantedSeconds == 30 && status.keys == [Bytes("l")])
      #expect(try await store.leaseTimeToLive(id: 77, withKeys: false).ttlSeconds == -1)
      #expect(try await store.leases() == [grant.id])
      try await store.revokeLease(id: grant.id)
      #expect(try await store.get(Bytes("l")).count == 0)
    }
  }

  @Test func watchesTellEverythingInOrder() async throws {
    try await withServer { server in
      let store: EtcdStore = server.store
      let cursor: any WatchCursor = try await store.watch(WatchRequest(.prefix(Bytes("k/")), previous: true))
      for number in 1...300 { _ = try await server.keyspace.put(Bytes("k/\(number % 7)"), Bytes("\(number)")) }
      var seen: [Int64] = []
      while seen.count < 300 {
        let batch: WatchBatch = try await cursor.next(limit: 50)
        #expect(batch.events.count <= 50)
        seen += batch.events.map(\.keyValue.modRevision)
      }
      #expect(seen == Array(2...301))
      // One revision with many events is told whole.
      _ = try await server.keyspace.transact(
        TransactionRequest(success: (0..<100).map { .put(PutRequest(key: Bytes("k/x\($0)"), value: [])) }))
      var events: Int = 0
      while events < 100 { events += try await cursor.next(limit: 10).events.count }
      #expect(events == 100)
      cursor.requestProgress()
      let progress: WatchBatch = try await cursor.next(limit: 10)
      #expect(progress.events.isEmpty && progress.revision == 302)
      cursor.cancel()
      await #expect(throws: KeyspaceError(.cancelled, "")) { _ = try await cursor.next(limit: 1) }
    }
  }

  @Test func aCancelledTaskLeavesItsWait() async throws {
    try await withServer { server in
      let cursor: any WatchCursor = try await server.store.watch(WatchRequest(KeyRange(key: Bytes("quiet"))))
      let waiting = Task { try await cursor.next(limit: 1) }
      try await eventually("the watch stands") { server.keyspace.watchFigures.waiting == 1 }
      waiting.cancel()
      await #expect(throws: KeyspaceError(.cancelled, "")) { _ = try await waiting.value }
    }
  }

  @Test func droppedCursorsLeaveNothingBehind() async throws {
    try await withServer { server in
      for _ in 0..<20 { _ = try await server.store.watch(WatchRequest(.prefix(Bytes("x")))) }
      try await eventually("no watch is left") { server.keyspace.watchFigures.open == 0 }
    }
  }

  @Test func compactedHistoryIsTold() async throws {
    try await withServer { server in
      for number in 1...5 { _ = try await server.store.put(Bytes("k"), Bytes("\(number)")) }
      try await server.store.compact(revision: 4)
      let cursor: any WatchCursor = try await server.store.watch(WatchRequest(KeyRange(key: Bytes("k")), startRevision: 2))
      await #expect(throws: KeyspaceError(.compacted, "")) { _ = try await cursor.next(limit: 1) }
    }
  }

  /// 64 clients, each its own connection; the figure goes to the test's log, only the count is asserted.
  @Test func sixtyFourClientsPut() async throws {
    try await withServer { server in
      let start: ContinuousClock.Instant = .now
      let per: Int = 10
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          group.addTask {
            for number in 0..<per { _ = try await server.store.put(Bytes("p/\(client)/\(number)"), Bytes(repeating: 7, count: 256)) }
          }
        }
        try await group.waitForAll()
      }
      let seconds: Double = (ContinuousClock.now - start).inMilliseconds / 1000
      print("puts over TLS, 64 clients, client and server in one process: \(Int(Double(64 * per) / seconds)) per second")
      #expect(try await server.store.range(RangeRequest(.prefix(Bytes("p/")), countOnly: true)).count == Int64(64 * per))
    }
  }
}
