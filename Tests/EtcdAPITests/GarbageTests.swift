import EtcdAPI
import HTTP
import Keyspace
import NIOCore
import Primitives
import Testing

/// Requests that no client sends.
@Suite struct GarbageTests {
  private func status(_ client: GRPCClient, _ path: String, _ message: (inout ProtobufWriter) -> Void) async -> GRPCStatus? {
    do {
      _ = try await client.unary(path, timeout: .seconds(60), message)
      return nil
    } catch {
      return error as? GRPCStatus
    }
  }

  @Test func unknownMethodsAreRefusedByName() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      #expect(
        await status(client, "/etcdserverpb.KV/Nothing") { _ in }
          == GRPCStatus(.unimplemented, "unknown method Nothing for service etcdserverpb.KV"))
      for (service, name) in [
        ("etcdserverpb.Cluster", "MemberAdd"), ("etcdserverpb.Cluster", "MemberRemove"),
      ] {
        #expect(
          await status(client, "/\(service)/\(name)") { _ in }
            == GRPCStatus(.unimplemented, "etcdserver: \(name) is not supported by this server"))
      }
      #expect(
        await status(client, "/etcdserverpb.Auth/Authenticate") { _ in }
          == GRPCStatus(.failedPrecondition, "etcdserver: authentication is not enabled"))
    }
  }

  @Test func malformedMessagesAreErrorsAndTheServerLives() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      var random = SeededRandom(seed: 0xE7CD)
      let paths: [String] = [
        "KV/Range", "KV/Put", "KV/DeleteRange", "KV/Txn", "KV/Compact", "Lease/LeaseGrant", "Lease/LeaseRevoke", "Lease/LeaseTimeToLive",
        "Maintenance/Status", "Maintenance/Alarm", "Maintenance/HashKV", "Maintenance/MoveLeader", "Cluster/MemberList",
      ]
      for path in paths {
        for _ in 0..<40 {
          let bytes: Bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
          _ = await status(client, "/etcdserverpb.\(path)") { $0.slice(Int.random(in: 1...12, using: &random), ByteBuffer(bytes: bytes)) }
        }
      }
      for _ in 0..<40 {
        let stream: GRPCClientStream = try await client.stream("/etcdserverpb.Watch/Watch")
        let bytes: Bytes = (0..<Int.random(in: 1...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        try await stream.send { $0.slice(1, ByteBuffer(bytes: bytes)) }
        // A watch goes on after the client's half is closed, as in etcd.
        try await stream.sendEnd()
        stream.cancel()
      }
      #expect(try await server.store.put(Bytes("still"), Bytes("here")) > 0)
      try await eventually("no watch is left") { server.keyspace.watchFigures.open == 0 }
    }
  }

  @Test func manyWatchesOnOneStream() async throws {
    try await withServer { server in
      let client = GRPCClient(server.http, scheme: "https", authority: "127.0.0.1")
      let stream: GRPCClientStream = try await client.stream("/etcdserverpb.Watch/Watch")
      for number in 0..<50 {
        try await stream.send { writer in
          writer.message(1) { create in
            create.string(1, "w/\(number % 10)")
            create.int64(7, number == 49 ? 100 : 0)
          }
        }
      }
      try await stream.send { writer in writer.message(1) { $0.int64(7, 100) } }
      var ids: Set<Int64> = []
      var refused: Bool = false
      while ids.count < 50 || !refused {
        let (id, created, canceled, _) = try Self.answer(try #require(try await stream.next()))
        if canceled { refused = true } else if created { ids.insert(id) }
      }
      #expect(ids.contains(100) && ids.contains(0) && ids.contains(48))
      _ = try await server.keyspace.put(Bytes("w/3"), Bytes("x"))
      var told: Set<Int64> = []
      while told.count < 5 {
        let (id, _, _, events) = try Self.answer(try #require(try await stream.next()))
        if events == 1 { told.insert(id) }
      }
      #expect(told == [3, 13, 23, 33, 43])
      // A cancelled watch tells nothing any more; progress concerns the rest.
      try await stream.send { writer in writer.message(2) { $0.int64(1, 3) } }
      #expect(try Self.answer(try #require(try await stream.next())).canceled)
      try await stream.send { writer in writer.message(3) { _ in } }
      #expect(try Self.answer(try #require(try await stream.next())).id == -1)
      stream.cancel()
      try await eventually("no watch is left") { server.keyspace.watchFigures.open == 0 }
    }
  }

  private static func answer(_ message: ProtobufReader) throws -> (id: Int64, created: Bool, canceled: Bool, events: Int) {
    var reader: ProtobufReader = message
    var result: (id: Int64, created: Bool, canceled: Bool, events: Int) = (0, false, false, 0)
    while let field = try reader.next() {
      switch field.number {
      case 2: result.id = try reader.int64(field)
      case 3: result.created = try reader.bool(field)
      case 4: result.canceled = try reader.bool(field)
      case 11:
        result.events += 1
        try reader.skip(field)
      default: try reader.skip(field)
      }
    }
    return result
  }
}
