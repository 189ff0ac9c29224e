import EtcdAPI
import Glibc
import HTTP
import Keyspace
import NIOCore
import NIOPosix
import Observability
import Primitives
import Store
import Synchronization
import Testing

/// The server on a real member with a journal on disk, listener and member on one event loop.
@Suite(.serialized) struct MemberTests {
  private func withMember<Result>(_ body: (EtcdStore, Store, Int) async throws -> Result) async throws {
    let folder: String = "/tmp/tricenter-etcd-member-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    mkdir(folder, 0o700)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop: any EventLoop = group.next()
    let id = MemberID(0xABC)
    let store = try Store(
      single: StoreConfiguration(
        memberID: id, clusterID: 0x3C,
        members: [StoreMember(id: id, name: "prod-1", center: "production", clientURL: "https://127.0.0.1:2379")],
        directory: folder + "/member"), eventLoop: loop, logger: quiet("store"))
    try await store.start()
    let server = EtcdServer(
      HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), group: loop, logger: quiet("etcd"), grace: .milliseconds(50)),
      store: store,
      metrics: PrometheusRegistry())
    try await server.start()
    let port: Int = try #require(server.port)
    let http = HTTPClient(HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, logger: quiet("client")))
    do { _ = try await body(EtcdStore(http, secure: false), store, port) } catch { Issue.record(error) }
    http.close()
    await server.shutdown()
    await store.stop()
    try await group.shutdownGracefully()
    remove(folder)
  }

  private func remove(_ folder: String) {
    if let directory = opendir(folder) {
      while let entry = readdir(directory) {
        let name: String = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name == "." || name == ".." { continue }
        let path: String = folder + "/" + name
        if unlink(path) != 0 { remove(path) }
      }
      closedir(directory)
    }
    rmdir(folder)
  }

  @Test func everythingThatEtcdctlNeedsGoesToTheMember() async throws {
    try await withMember { remote, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      #expect(try await remote.put(Bytes("a"), Bytes("1")) == 2)
      let cursor: any WatchCursor = try await remote.watch(WatchRequest(.prefix([]), startRevision: 2))
      #expect(try await cursor.next(limit: 10).events.map(\.keyValue.value) == [Bytes("1")])
      let grant: LeaseGrant = try await remote.grantLease(ttlSeconds: 20, id: 0)
      #expect(try await remote.put(Bytes("b"), [], lease: grant.id) == 3)
      #expect(try await cursor.next(limit: 10).events.map(\.keyValue.lease) == [grant.id])
      #expect(try await remote.keepLeaseAlive(id: grant.id) == 20)
      try await remote.revokeLease(id: grant.id)
      #expect(try await cursor.next(limit: 10).events.map(\.kind) == [.delete])
      try await remote.compact(revision: 4)
      await #expect(throws: KeyspaceError(.compacted, "")) { _ = try await remote.range(RangeRequest(key: Bytes("a"), revision: 2)) }
      cursor.cancel()
      let directory = StoreDirectory(store)
      #expect(directory.members().map(\.name) == ["prod-1"])
      #expect(directory.leader == directory.memberID)
      #expect(try await directory.hashKeys(revision: 0)?.revision == 4)
    }
  }

  /// 64 clients on 8 connections; the figures go to the test's log, only the count is asserted.
  @Test func sixtyFourClientsPut() async throws {
    try await withMember { remote, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      let per: Int = 30
      let clients: [HTTPClient] = (0..<8).map { _ in
        HTTPClient(HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, logger: quiet("client")))
      }
      let start: ContinuousClock.Instant = .now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          let put = EtcdStore(clients[client % 8], secure: false)
          group.addTask {
            for number in 0..<per { _ = try await put.put(Bytes("p/\(client)/\(number)"), Bytes(repeating: 7, count: 256)) }
          }
        }
        try await group.waitForAll()
      }
      let seconds: Double = (ContinuousClock.now - start).inMilliseconds / 1000
      print("puts to a member with its journal on disk, 64 clients in this process: \(Int(Double(64 * per) / seconds)) per second")
      #expect(try await remote.range(RangeRequest(.prefix(Bytes("p/")), countOnly: true)).count == Int64(64 * per))
      for client in clients { client.close() }
    }
  }
}
