import Glibc
import HTTP
import Keyspace
import NIOCore
import Primitives
import Testing

@testable import EtcdAPI

@Suite(.serialized) struct MaintenanceTests {
  private func call(_ server: TestServer, _ path: String, _ message: (inout ProtobufWriter) -> Void) async throws -> GRPCStatus? {
    let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
    do {
      _ = try await client.unary(path, timeout: .seconds(60), message)
      return nil
    } catch let status as GRPCStatus {
      return status
    }
  }

  @Test(.enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
  func aSnapshotThatEtcdctlSavedIsReadBack() async throws {
    try await withServer { server in
      for number in 0..<300 { _ = try await server.keyspace.put(Bytes("k/\(number)"), Bytes(repeating: 7, count: 3000)) }
      _ = try await server.keyspace.execute(.set(name: "auth", version: 0, value: AuthState().encode()))
      let path: String = server.folder + "/saved.db"
      defer { unlink(path) }
      let saved = try await server.etcdctl("snapshot", "save", path)
      #expect(saved.status == 0, "\(saved.errors)")
      let snapshot = try StoreSnapshot(path: path)
      #expect(snapshot.summary.revision == 301 && snapshot.summary.keys == 300 && snapshot.summary.clusterID == 0xC1)
      #expect(snapshot.summary.bytes % 512 == 32)
      #expect(try snapshot.keyspace.hash() == server.keyspace.snapshot().hash())
      #expect(snapshot.keyspace.setting("auth").version == 1)
      // One bit anywhere, or a missing end, is found.
      let file: Int32 = open(path, O_RDWR)
      var byte: UInt8 = 0
      pread(file, &byte, 1, 100_000)
      byte ^= 4
      pwrite(file, &byte, 1, 100_000)
      #expect(throws: KeyspaceError(.malformed, "")) { try StoreSnapshot(path: path) }
      byte ^= 4
      pwrite(file, &byte, 1, 100_000)
      ftruncate(file, off_t(snapshot.summary.bytes - 512))
      close(file)
      #expect(throws: KeyspaceError(.malformed, "")) { try StoreSnapshot(path: path) }
    }
  }

  @Test func ourOwnClientSavesAndAsks() async throws {
    try await withServer { server in
      for number in 0..<40 { _ = try await server.keyspace.put(Bytes("k/\(number)"), Bytes(repeating: 7, count: 30_000)) }
      let path: String = server.folder + "/own.db"
      defer { unlink(path) }
      let bytes: Int = try await server.store.saveSnapshot(to: path).bytes
      let snapshot = try StoreSnapshot(path: path)
      #expect(snapshot.summary.bytes == bytes && snapshot.summary.revision == 41 && snapshot.summary.memberID == MemberID(0xA1))
      let status: EtcdStore.EndpointStatus = try await server.store.status()
      #expect(status.version == "3.6.0" && status.leader == 0xA1 && status.clusterID == 0xC1 && status.revision == 41)
      await #expect(throws: KeyspaceError(.unavailable, "")) { _ = try await server.store.saveSnapshot(to: "/nowhere/snapshot") }
      await #expect(throws: KeyspaceError(.unsupported, "")) { _ = try await server.store.hashKeys() }
    }
  }

  @Test(.enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
  func theQuotaRefusesPutsAndRaisesAnAlarm() async throws {
    var options = EtcdOptions()
    options.quotaBackendBytes = 20_480 + 10_000
    try await withServer(options: options) { (server: TestServer) async throws -> Void in
      #expect(try await server.etcdctl("put", "small", "1").output == "OK\n")
      let large = try await server.etcdctl("put", "large", String(repeating: "x", count: 12_000))
      #expect(large.errors.contains("etcdserver: mvcc: database space exceeded"))
      try await eventuallyTrue("the alarm is raised") {
        try await server.etcdctl("alarm", "list").output == "memberID:161 alarm:NOSPACE \n"
      }
      // Now small ones are refused too; reading and deleting go on.
      #expect(try await server.etcdctl("put", "small", "2").errors.contains("etcdserver: mvcc: database space exceeded"))
      #expect(try await server.etcdctl("lease", "grant", "60").errors.contains("etcdserver: mvcc: database space exceeded"))
      #expect(try await server.etcdctl("get", "small").output == "small\n1\n")
      #expect(try await server.etcdctl("endpoint", "status").output.contains("memberID:161 alarm:NOSPACE"))
      #expect(try await server.etcdctl("del", "small").output == "1\n")
      #expect(try await server.etcdctl("alarm", "disarm").output == "memberID:161 alarm:NOSPACE \n")
      #expect(try await server.etcdctl("alarm", "list").output == "")
      #expect(try await server.etcdctl("put", "small", "3").output == "OK\n")
    }
  }

  @Test func downgradesAreRefusedInEtcdsForm() async throws {
    try await withServer { (server: TestServer) async throws -> Void in
      func downgrade(_ action: Int32, _ version: String) async throws -> GRPCStatus? {
        try await call(server, "/etcdserverpb.Maintenance/Downgrade") { writer in
          writer.int32(1, action)
          writer.string(2, version)
        }
      }
      #expect(try await downgrade(0, "3.5") == .invalidDowngradeTarget)
      #expect(try await downgrade(0, "three") == .wrongDowngradeFormat)
      #expect(try await downgrade(1, "3.5.0") == .invalidDowngradeTarget)
      #expect(try await downgrade(2, "") == nil)
    }
  }

  @Test func hashesAreStable() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      func hash(_ method: String, revision: Int64) async throws -> UInt32 {
        var reader: ProtobufReader = try await client.unary("/etcdserverpb.Maintenance/\(method)", timeout: .seconds(60)) {
          $0.int64(1, revision)
        }
        var hash: UInt32 = 0
        while let field = try reader.next() { if field.number == 2 { hash = try reader.uint32(field) } else { try reader.skip(field) } }
        return hash
      }
      _ = try await server.keyspace.put(Bytes("a"), Bytes("1"))
      let whole: UInt32 = try await hash("Hash", revision: 0)
      #expect(try await hash("Hash", revision: 0) == whole && whole != 0)
      _ = try await server.keyspace.put(Bytes("b"), Bytes("1"))
      #expect(try await hash("Hash", revision: 0) != whole)
      #expect(try await call(server, "/etcdserverpb.Maintenance/HashKV") { $0.int64(1, 99) }?.code == .unimplemented)
    }
  }

  @Test func aRangeStreamPutTogetherIsTheRange() async throws {
    try await withServer { server in
      for number in 0..<250 { _ = try await server.keyspace.put(Bytes("s/\(number)"), Bytes(repeating: 1, count: 10_000)) }
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      for limit: Int64 in [0, 7, 100, 250, 400] {
        let request = RangeRequest(.prefix(Bytes("s/")), limit: limit)
        let stream: GRPCClientStream = try await client.stream("/etcdserverpb.KV/RangeStream")
        try await stream.send { request.encode(&$0) }
        try await stream.sendEnd()
        var whole = RangeResponse(revision: 0, keyValues: [], count: 0)
        var pieces: Int = 0
        while var reader: ProtobufReader = try await stream.next() {
          while let field = try reader.next() {
            let piece = try RangeResponse(try reader.message(field))
            whole.keyValues += piece.keyValues
            (whole.revision, whole.more, whole.count) = (piece.revision, piece.more, piece.count)
            pieces += 1
          }
        }
        #expect(try await whole == server.keyspace.range(request))
        #expect(pieces > 1 || limit == 7)
      }
      let sorted: GRPCStatus? = try await call(server, "/etcdserverpb.KV/RangeStream") { writer in
        writer.string(1, "a")
        writer.int32(5, 2)
      }
      #expect(sorted == GRPCStatus(.unimplemented, "RangeStream does not support custom sort orders"))
    }
  }
}

/// Looks until it holds; the deadline only bounds a failing test.
func eventuallyTrue(_ what: String, _ condition: () async throws -> Bool) async throws {
  let start: ContinuousClock.Instant = .now
  while try await !condition() {
    guard ContinuousClock.now - start < .seconds(60) else { throw KeyspaceError(.timeout, "never happened: \(what)") }
    try await Task.sleep(for: .milliseconds(20))
  }
}
