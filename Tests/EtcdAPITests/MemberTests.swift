import Glibc
import HTTP
import Keyspace
import NIOCore
import NIOPosix
import Observability
import Primitives
import Processes
import Store
import Synchronization
import TLS
import Testing

@testable import EtcdAPI

/// The server on a real member with a journal on disk, listener and member on one event loop.
@Suite(.serialized) struct MemberTests {
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

  @Test func authenticationGoesThroughTheLog() async throws {
    try await withMember { remote, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      let client: GRPCClient = remote.client
      @Sendable func call(_ path: String, token: String? = nil, _ message: (inout ProtobufWriter) -> Void) async throws -> ProtobufReader {
        try await client.unary(
          "/etcdserverpb." + path, timeout: .seconds(60), metadata: token.map { [("token", $0)] } ?? [], message)
      }
      @Sendable func names(_ first: String, _ second: String) -> (inout ProtobufWriter) -> Void {
        { writer in
          writer.string(1, first)
          writer.string(2, second)
        }
      }
      for name in ["root", "u"] { _ = try await call("Auth/UserAdd", names(name, "pw")) }
      _ = try await call("Auth/RoleAdd", names("r", ""))
      _ = try await call("Auth/RoleGrantPermission") { writer in
        writer.string(1, "r")
        writer.message(2) { AuthPermission(kind: .readWrite, key: Bytes("k"), end: Bytes("l")).encode(&$0) }
      }
      for (user, role) in [("root", "root"), ("u", "r")] { _ = try await call("Auth/UserGrantRole", names(user, role)) }
      _ = try await call("Auth/AuthEnable") { _ in }
      await #expect(throws: GRPCStatus.userEmpty) { _ = try await call("KV/Put", names("k", "1")) }
      func token(_ user: String) async throws -> String {
        var reader: ProtobufReader = try await call("Auth/Authenticate", names(user, "pw"))
        var token: String = ""
        while let field = try reader.next() { if field.number == 2 { token = try reader.string(field) } else { try reader.skip(field) } }
        return token
      }
      let (root, user): (String, String) = (try await token("root"), try await token("u"))
      _ = try await call("KV/Put", token: user, names("k", "1"))
      await #expect(throws: GRPCStatus.denied) { _ = try await call("KV/Put", token: user, names("m", "1")) }
      await #expect(throws: GRPCStatus.invalidToken) { _ = try await call("KV/Put", token: user + "x", names("k", "1")) }
      await #expect(throws: GRPCStatus.denied) { _ = try await call("Maintenance/Defragment", token: user) { _ in } }
      _ = try await call("Maintenance/Defragment", token: root) { _ in }
      // While permissions change, no write of the user is carried out under older ones: it is refused, or it was before.
      let writes = Task {
        var refused: Int = 0
        for number in 0..<200 {
          do { _ = try await call("KV/Put", token: user, names("k/\(number)", "1")) } catch let status as GRPCStatus where status == .denied
          { refused += 1 }
        }
        return refused
      }
      _ = try await call("Auth/UserRevokeRole", token: root, names("u", "r"))
      let revision: Int64 = store.revision
      let refused: Int = try await writes.value
      let written: RangeResponse = try await store.range(RangeRequest(.prefix(Bytes("k/"))))
      #expect(written.count + Int64(refused) == 200)
      #expect(written.keyValues.allSatisfy { $0.modRevision <= revision })
      _ = try await call("Auth/AuthDisable", token: root) { _ in }
      _ = try await call("KV/Put", names("m", "1"))
    }
  }

  @Test func aSnapshotIsRestoredIntoANewMember() async throws {
    try await withMember { remote, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      for number in 0..<100 { _ = try await remote.put(Bytes("k/\(number)"), Bytes("\(number)")) }
      _ = try await store.execute(.set(name: "auth", version: 0, value: AuthState().encode()))
      let folder: String = store.configuration.directory + "-restored"
      let file: String = folder + ".snapshot"
      defer {
        remove(folder)
        unlink(file)
      }
      var writer = try SnapshotFileWriter(try await store.copyOfKeyspace(), clusterID: store.clusterID, memberID: store.memberID)
      var bytes: Bytes = []
      while let piece: Bytes = try writer.next() { bytes += piece }
      #expect(bytes.count == writer.totalBytes && writer.remaining == 0)
      try SecretFile.write(bytes, to: file)
      let snapshot = try StoreSnapshot(path: file)
      var configuration: StoreConfiguration = store.configuration
      configuration.directory = folder
      try Store.restore(snapshot.keyspace, configuration: configuration)
      #expect(throws: StoreError(.wrongState, "")) { try Store.restore(snapshot.keyspace, configuration: configuration) }
      let restored = try Store(single: configuration, eventLoop: store.eventLoop, logger: quiet("store"))
      try await restored.start()
      try await eventually("it leads") { restored.leadership.isLocal }
      #expect(try await restored.range(RangeRequest(.prefix(Bytes("k/")))) == store.range(RangeRequest(.prefix(Bytes("k/")))))
      #expect(restored.setting("auth").version == 1)
      #expect(try await restored.put(Bytes("more"), []) == snapshot.summary.revision + 1)
      await restored.stop()
    }
  }

  @Test(.enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
  func etcdctlChangesMembers() async throws {
    try await withMember { _, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      func etcdctl(_ arguments: String...) async throws -> (output: String, errors: String) {
        let flags: [String] = ["--endpoints", "http://127.0.0.1:\(port)", "--dial-timeout", "60s", "--command-timeout", "60s"]
        var command = Command(["etcdctl"] + flags + arguments, timeout: .seconds(90))
        command.environment = ["ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"]
        let outcome: Command.Outcome = try await command.outcome()
        return (outcome.output.text, outcome.errors.text)
      }
      let added: String = try await etcdctl("member", "add", "prod-2", "--learner", "--peer-urls", "https://127.0.0.9:2380").output
      #expect(added.contains(" added to cluster ") && added.contains("3c") && added.contains("ETCD_INITIAL_CLUSTER_STATE=\"existing\""))
      let id: String = try #require(store.records.first { $0.name.isEmpty }?.id.description)
      #expect(added.contains(id) && added.contains("prod-2=https://127.0.0.9:2380"))
      let list: String = try await etcdctl("member", "list").output
      #expect(list.contains("\(id), unstarted, , https://127.0.0.9:2380, , true") && list.contains("abcdef01234, started, prod-1, "))
      #expect(
        try await etcdctl("member", "add", "x", "--learner", "--peer-urls", "https://127.0.0.8:2380").errors.contains("too many learner"))
      #expect(try await etcdctl("member", "add", "x", "--peer-urls", "https://127.0.0.9:2380").errors.contains("Peer URLs already exists"))
      #expect(try await etcdctl("member", "promote", id).errors.contains("can only promote a learner member which is in sync with leader"))
      #expect(try await etcdctl("member", "promote", "abcdef01234").errors.contains("can only promote a learner member"))
      #expect(try await etcdctl("member", "update", id, "--peer-urls", "https://127.0.0.7:2380").output.contains("updated in cluster"))
      #expect(try await etcdctl("member", "list").output.contains("https://127.0.0.7:2380"))
      #expect(
        try await etcdctl("member", "remove", "abcdef01234").errors.contains("re-configuration failed due to not enough started members"))
      #expect(
        try await etcdctl("member", "remove", id).output.contains(
          "Member \(String(repeating: " ", count: 16 - id.count))\(id) removed from"))
      #expect(try await etcdctl("member", "remove", id).errors.contains("etcdserver: member not found"))
      #expect(try await etcdctl("put", "k", "v").output == "OK\n")
    }
  }

  /// 64 clients on 8 connections; the figures go to the test's log, only the count is asserted.
  @Test func sixtyFourClientsPut() async throws {
    try await withMember { remote, store, port in
      try await eventually("it leads") { store.leadership.isLocal }
      let per: Int = 30
      let clients: [HTTPClient] = (0..<8).map { _ in
        HTTPClient(patient(port: port))
      }
      let start: ContinuousClock.Instant = .now
      try await withThrowingTaskGroup(of: Void.self) { group in
        for client in 0..<64 {
          let put = EtcdStore(clients[client % 8], secure: false, timeout: .seconds(60))
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
