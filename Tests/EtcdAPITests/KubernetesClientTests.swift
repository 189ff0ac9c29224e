import HTTP
import Keyspace
import NIOCore
import Primitives
import Testing

@testable import EtcdAPI

/// The calls that a stock kube-apiserver makes of its etcd, in its order and with its options
/// (`staging/src/k8s.io/apiserver/pkg/storage/etcd3`, and clientv3 below it), on the wire.
@Suite(.serialized) struct KubernetesClientTests {
  private static let key = Bytes("/registry/pods/default/web")
  private static let leader: [(String, String)] = [("hasleader", "true")]

  private func call<Answer>(
    _ server: TestServer, _ path: String, _ message: (inout ProtobufWriter) -> Void, _ decode: (ProtobufReader) throws -> Answer
  ) async throws -> Answer {
    let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
    // clientv3 sends its version and its API's with every call.
    let metadata: [(String, String)] = [("client-api-version", "3.6")]
    return try decode(try await client.unary(path, timeout: .seconds(60), metadata: metadata, message))
  }

  private func txn(_ server: TestServer, _ request: TransactionRequest) async throws -> TransactionResponse {
    try await call(server, TxnMethod.path, { request.encode(&$0) }) { try TransactionResponse($0) }
  }

  /// `OptimisticPut` and `OptimisticDelete`: only if nobody changed it since, else what it is now.
  private func optimistic(_ operation: Operation, _ revision: Int64) -> TransactionRequest {
    TransactionRequest(
      compares: [Compare(Self.key, .equal, .mod(revision))], success: [operation], failure: [.range(RangeRequest(key: Self.key))])
  }

  @Test func `objects are created once, changed and deleted only as they were seen`() async throws {
    try await withServer { server in
      let create: TransactionRequest = optimistic(.put(PutRequest(key: Self.key, value: Bytes("v1"))), 0)
      let created: TransactionResponse = try await txn(server, create)
      #expect(created.succeeded && created.revision == 2)
      let again: TransactionResponse = try await txn(server, create)
      guard case .range(let there)? = again.responses.first else { throw GRPCStatus(.internal, "no range") }
      #expect(!again.succeeded && there.keyValues.first?.modRevision == 2 && there.keyValues.first?.value == Bytes("v1"))
      // An Event lives on a lease.
      let lease: LeaseGrant = try await server.store.grantLease(ttlSeconds: 3_660, id: 0)
      #expect(lease.id != 0 && lease.ttlSeconds == 3_660)
      let update: TransactionRequest = optimistic(.put(PutRequest(key: Self.key, value: Bytes("v2"), lease: lease.id)), 2)
      #expect(try await txn(server, update).succeeded)
      #expect(!(try await txn(server, update).succeeded))
      let stale: TransactionResponse = try await txn(server, optimistic(.delete(DeleteRequest(KeyRange(key: Self.key))), 2))
      guard case .range(let now)? = stale.responses.first else { throw GRPCStatus(.internal, "no range") }
      #expect(!stale.succeeded && now.keyValues.first?.lease == lease.id)
      let deleted: TransactionResponse = try await txn(server, optimistic(.delete(DeleteRequest(KeyRange(key: Self.key))), 3))
      guard case .delete(let count, _)? = deleted.responses.first else { throw GRPCStatus(.internal, "no deletion") }
      #expect(deleted.succeeded && count == 1 && deleted.revision == 4)
    }
  }

  @Test func `lists go on page by page at one revision, counts and keys alone cost no values`() async throws {
    try await withServer { server in
      for number in 0..<7 { _ = try await server.keyspace.put(Bytes("/registry/pods/p\(number)"), Bytes("v")) }
      func list(_ start: Bytes, revision: Int64, limit: Int64 = 3) async throws -> RangeResponse {
        try await server.store.range(RangeRequest(KeyRange(key: start, end: Bytes("/registry/pods0")), revision: revision, limit: limit))
      }
      let first: RangeResponse = try await list(Bytes("/registry/pods/"), revision: 0)
      _ = try await server.keyspace.put(Bytes("/registry/pods/p9"), Bytes("late"))
      #expect(first.more && first.count == 7 && first.revision == 8)
      var last: Bytes = first.keyValues[2].key
      let second: RangeResponse = try await list(last + [0], revision: first.revision)
      last = second.keyValues[2].key
      let third: RangeResponse = try await list(last + [0], revision: first.revision)
      // The header tells the newest revision, whatever revision was read; so clients keep the first one.
      #expect(second.more && second.count == 4 && !third.more && third.keyValues.count == 1 && third.revision == 9)
      let counted: RangeResponse = try await server.store.range(RangeRequest(.prefix(Bytes("/registry/pods/")), countOnly: true))
      #expect(counted.count == 8 && counted.keyValues.isEmpty)
      let keys: RangeResponse = try await server.store.range(RangeRequest(.prefix(Bytes("/registry/pods/")), keysOnly: true))
      #expect(keys.keyValues.count == 8 && keys.keyValues.allSatisfy { $0.value.isEmpty && $0.modRevision > 1 })
    }
  }

  @Test func `compaction is one apiserver's at a time, and old continue tokens are told so`() async throws {
    try await withServer { server in
      for number in 0..<6 { _ = try await server.keyspace.put(Self.key, Bytes("\(number)")) }
      func attempt(_ version: Int64, _ revision: Int64) async throws -> (Bool, KeyValue?, Int64) {
        let answer: TransactionResponse = try await txn(
          server,
          TransactionRequest(
            compares: [Compare(Bytes("compact_rev_key"), .equal, .version(version))],
            success: [.put(PutRequest(key: Bytes("compact_rev_key"), value: Bytes("\(revision)")))],
            failure: [.range(RangeRequest(key: Bytes("compact_rev_key")))]))
        guard case .range(let found)? = answer.responses.first else { return (answer.succeeded, nil, answer.revision) }
        return (answer.succeeded, found.keyValues.first, answer.revision)
      }
      #expect(try await attempt(0, 0).0)
      // Another apiserver finds out which version it must name.
      let other: (Bool, KeyValue?, Int64) = try await attempt(0, 4)
      #expect(!other.0 && other.1?.version == 1)
      #expect(try await attempt(1, 4).0)
      try await server.store.compact(revision: 4)
      await #expect(throws: KeyspaceError(.compacted, "")) { _ = try await server.store.range(RangeRequest(key: Self.key, revision: 3)) }
      do {
        try await call(server, CompactMethod.path, { $0.int64(1, 4) }) { _ in }
        Issue.record("compacted twice")
      } catch let status as GRPCStatus {
        #expect(status == GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision has been compacted"))
      }
    }
  }

  /// WithRequireLeader, WithPrevKV, WithProgressNotify; RequestProgress on the same stream, whose answer every consistent read from the
  /// apiserver's cache waits for.
  @Test func `a cacher's watch hears progress when it asks`() async throws {
    try await withServer { server in
      _ = try await server.keyspace.put(Self.key, Bytes("1"))
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      let stream: GRPCClientStream = try await client.stream(WatchStream.path, metadata: Self.leader + [("client-api-version", "3.6")])
      var create = WatchMessage.Create()
      create.request = WatchRequest(.prefix(Bytes("/registry/pods/")), startRevision: 3, previous: true)
      create.progressNotify = true
      let created = WatchMessage.create(create)
      try await stream.send { created.encode(&$0) }
      func next() async throws -> WatchAnswer { try WatchAnswer(try #require(try await stream.next())) }
      #expect(try await next().created)
      // Elsewhere things change: the cache is fresh up to there once it is told.
      _ = try await server.keyspace.put(Bytes("/registry/nodes/n"), Bytes("x"))
      let progress: WatchMessage = .progress
      try await stream.send { progress.encode(&$0) }
      let fresh: WatchAnswer = try await next()
      #expect(fresh.events.isEmpty && fresh.watchID == -1 && fresh.header.revision == 3)
      _ = try await server.keyspace.put(Self.key, Bytes("2"))
      let changed: WatchAnswer = try await next()
      #expect(changed.events.first?.previous?.value == Bytes("1") && changed.events.first?.keyValue.modRevision == 4)
      try await stream.send { progress.encode(&$0) }
      #expect(try await next().header.revision == 4)
      stream.cancel()
      // Without a leader nobody is left waiting.
      server.directory.leading.store(0, ordering: .releasing)
      do {
        _ = try await client.unary(RangeMethod.path, timeout: .seconds(60), metadata: Self.leader) { RangeRequest(key: [1]).encode(&$0) }
        Issue.record("answered without a leader")
      } catch let status as GRPCStatus { #expect(status.message == "etcdserver: no leader") }
      let unhealthy: Int32 = try await call(server, HealthCheckMethod.path, { _ in }) { try Self.status($0) }
      #expect(unhealthy == 2)
    }
  }

  @Test func `what is asked before anything else`() async throws {
    try await withServer { server in
      // Progress requests are relied on from 3.4.25 and 3.5.8 on; the size of the database is on /metrics of the apiserver.
      let status: EtcdStore.EndpointStatus = try await server.store.status()
      let version: [Int] = status.version.split(separator: ".").compactMap { Int($0) }
      #expect(version.count == 3 && (version[0], version[1]) >= (3, 5) && status.databaseBytes > 0)
      #expect(try await server.store.members().flatMap(\.clientURLs).count == 1)
      // /livez/etcd and /readyz/etcd-readiness.
      #expect(try await server.store.get(Bytes("/registry/health")).count == 0)
      #expect(try await call(server, HealthCheckMethod.path, { _ in }) { try Self.status($0) } == 1)
      await #expect(throws: GRPCStatus(.notFound, "unknown service")) {
        try await call(server, HealthCheckMethod.path, { $0.string(1, "nobody") }) { _ in }
      }
      let watch: GRPCClientStream = try await GRPCClient(server.http, scheme: "https", authority: "127.0.0.1").stream(
        HealthWatchMethod.path)
      try await watch.send { _ in }
      #expect(try Self.status(try #require(try await watch.next())) == 1)
      watch.cancel()
    }
  }

  private static func status(_ message: ProtobufReader) throws -> Int32 {
    var reader: ProtobufReader = message
    var status: Int32 = 0
    while let field = try reader.next() { if field.number == 1 { status = try reader.int32(field) } else { try reader.skip(field) } }
    return status
  }
}
