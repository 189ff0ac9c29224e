import Glibc
import HTTP
import Keyspace
import NIOCore
import Primitives
import Processes
import Testing

@testable import EtcdAPI

@Suite(.serialized) struct ConcurrencyTests {
  private func field(_ reader: ProtobufReader, _ number: Int) throws -> Bytes {
    var reader: ProtobufReader = reader
    while let field = try reader.next() { if field.number == number { return try reader.bytes(field) } else { try reader.skip(field) } }
    return []
  }

  @Test func locksAreHeldOneAfterTheOther() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      @Sendable func lock(_ lease: Int64) async throws -> Bytes {
        try field(
          try await client.unary("/v3lockpb.Lock/Lock", timeout: .seconds(60)) { writer in
            writer.string(1, "l")
            writer.int64(2, lease)
          }, 2)
      }
      for id: Int64 in [1, 2, 3] { _ = try await server.store.grantLease(ttlSeconds: 60, id: id) }
      let first: Bytes = try await lock(1)
      #expect(first == Bytes("l/1"))
      #expect(try await lock(1) == first, "who holds it has it again at once")
      let second = Task { try await lock(2) }
      try await eventuallyTrue("the second waits") { try await server.store.get(Bytes("l/2")).count == 1 }
      let third = Task { try await lock(3) }
      try await eventuallyTrue("the third waits") { try await server.store.get(Bytes("l/3")).count == 1 }
      // The second goes away while it waits, and leaves the queue.
      second.cancel()
      try await eventuallyTrue("the second is gone") { try await server.store.get(Bytes("l/2")).count == 0 }
      _ = try await client.unary("/v3lockpb.Lock/Unlock", timeout: .seconds(60)) { $0.bytes(1, first) }
      #expect(try await third.value == Bytes("l/3"))
      // A lease that ends lets go of its lock; a caller without one gets one of 60 s.
      try await server.store.revokeLease(id: 3)
      let own: Bytes = try await lock(0)
      #expect(try await server.store.get(own).keyValues.first?.lease != 0)
    }
  }

  @Test func elections() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      @Sendable func call(_ name: String, _ message: (inout ProtobufWriter) -> Void) async throws -> ProtobufReader {
        try await client.unary("/v3electionpb.Election/\(name)", timeout: .seconds(60), message)
      }
      @Sendable func campaign(_ lease: Int64, _ value: String) async throws -> Bytes {
        try field(
          try await call("Campaign") { writer in
            writer.string(1, "e")
            writer.int64(2, lease)
            writer.string(3, value)
          }, 2)
      }
      await #expect(throws: GRPCStatus.electionNoLeader) { _ = try await call("Leader") { $0.string(1, "e") } }
      for id: Int64 in [1, 2] { _ = try await server.store.grantLease(ttlSeconds: 60, id: id) }
      let observer: GRPCClientStream = try await client.stream("/v3electionpb.Election/Observe")
      try await observer.send { $0.string(1, "e") }
      try await observer.sendEnd()
      let one: Bytes = try await campaign(1, "one")
      let told = { () async throws -> Bytes in
        try KeyValue(ProtobufReader(ByteBuffer(bytes: self.field(try #require(try await observer.next()), 2)))).value
      }
      #expect(try await told() == Bytes("one"))
      let two = Task { try await campaign(2, "two") }
      try await eventuallyTrue("two waits") { try await server.store.get(Bytes("e/2")).count == 1 }
      _ = try await call("Proclaim") { writer in
        writer.bytes(1, one)
        writer.string(2, "uno")
      }
      #expect(try await told() == Bytes("uno"))
      #expect(
        try KeyValue(ProtobufReader(ByteBuffer(bytes: field(try await call("Leader") { $0.string(1, "e") }, 2)))).value == Bytes("uno"))
      _ = try await call("Resign") { $0.bytes(1, one) }
      _ = try await two.value
      #expect(try await told() == Bytes("two"))
      await #expect(throws: GRPCStatus.electionNotLeader) {
        _ = try await call("Proclaim") { writer in
          writer.bytes(1, one)
          writer.string(2, "late")
        }
      }
      await #expect(throws: GRPCStatus.leaderFieldMissing) { _ = try await call("Resign") { _ in } }
      observer.cancel()
    }
  }

  @Test(.enabled(if: etcdctlIsThere, "etcdctl is not installed (package etcd-client)"))
  func etcdctlLocksAndElects() async throws {
    try await withServer { server in
      let locked = try await server.etcdctl("lock", "mutex", "printenv", "ETCD_LOCK_KEY")
      #expect(locked.output.hasPrefix("mutex/") && locked.status == 0, "\(locked.errors)")
      #expect(try await server.store.range(RangeRequest(.prefix(Bytes("mutex/")))).count == 0)
      let log: String = server.folder + "/watch.log"
      let pid: pid_t = try startDetached(["etcdctl"] + server.flags + ["elect", "leader", "candidate"], log: log)
      defer {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
      try await eventuallyTrue("it leads") { try await server.store.range(RangeRequest(.prefix(Bytes("leader/")))).count == 1 }
    }
  }
}
