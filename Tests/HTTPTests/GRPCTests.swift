import HTTP
import HTTPTypes
import NIOCore
import Synchronization
import Testing

/// `/test.Echo/Unary`, `/test.Echo/Bidi`, `/test.Echo/Fails`, `/test.Echo/Many`, `/test.Echo/Hangs`.
private final class EchoCall: GRPCCallHandler {
  static let cancelled: Atomic<Int> = Atomic(0)
  let method: String
  init(_ method: String) { self.method = method }
  func onMessage(_ message: ByteBuffer, _ call: GRPCCall) {
    switch method {
    case "Unary":
      call.send { $0.slice(1, message) }
      call.finish()
    case "Bidi": call.send { $0.slice(1, message) }
    case "Many":
      for number in 1...1000 { call.send { $0.int64(1, Int64(number)) } }
      call.finish()
    case "Fails": call.finish(GRPCStatus(.outOfRange, "50% là été\nover"))
    default: call.sendHeaders()
    }
  }
  func onHalfClose(_ call: GRPCCall) { if method == "Bidi" { call.finish() } }
  func onCancel() { Self.cancelled.wrappingAdd(1, ordering: .sequentiallyConsistent) }
}

@Suite(.serialized) struct GRPCTests {
  private func withGRPC(_ body: (GRPCClient) async throws -> Void) async throws {
    let router = GRPCRouter(messageLimit: 1 << 20) { path in
      path.hasPrefix("/test.Echo/") ? EchoCall(String(path.dropFirst("/test.Echo/".count))) : nil
    }
    let path: String = temporarySocket()
    let server = HTTPServer(
      HTTPServerConfiguration(address: .unix(path: path), logger: quiet("server"), grace: .milliseconds(100)), streams: router.route,
      responder: EchoResponder())
    try await server.start()
    let client = HTTPClient(patient: HTTPClientConfiguration(targets: [.unix(path: path)], logger: quiet("client")))
    do {
      try await body(GRPCClient(client))
    } catch {
      Issue.record(error)
    }
    client.close()
    await server.shutdown()
  }

  @Test func unary() async throws {
    try await withGRPC { client in
      for size in [0, 5, 100_000] {
        let text = String(repeating: "x", count: size)
        var reader: ProtobufReader = try await client.unary("/test.Echo/Unary", timeout: .seconds(10)) { $0.presentString(3, text) }
        let field = try #require(try reader.next())
        var inner: ProtobufReader = try reader.message(field)
        let innerField = try #require(try inner.next())
        #expect(try inner.string(innerField) == text)
      }
    }
  }

  @Test func statusesKeepCodeAndText() async throws {
    try await withGRPC { client in
      await #expect(throws: GRPCStatus(.outOfRange, "50% là été\nover")) { _ = try await client.unary("/test.Echo/Fails") { _ in } }
      await #expect(throws: GRPCStatus(.unimplemented, "unknown method Nothing for service test.Other")) {
        _ = try await client.unary("/test.Other/Nothing") { _ in }
      }
      await #expect(throws: GRPCStatus(.resourceExhausted, "grpc: received message larger than max (2000004 vs. 1048576)")) {
        _ = try await client.unary("/test.Echo/Unary") { $0.string(1, String(repeating: "y", count: 2_000_000)) }
      }
    }
  }

  @Test func bidirectional() async throws {
    try await withGRPC { client in
      let stream: GRPCClientStream = try await client.stream("/test.Echo/Bidi")
      for number in 1...50 {
        try await stream.send { $0.int64(1, Int64(number)) }
        var reader: ProtobufReader = try #require(try await stream.next())
        var inner: ProtobufReader = try reader.message(try #require(try reader.next()))
        #expect(try inner.int64(try #require(try inner.next())) == Int64(number))
      }
      try await stream.sendEnd()
      #expect(try await stream.next() == nil)
    }
  }

  @Test func manyMessagesComeInOrder() async throws {
    try await withGRPC { client in
      let stream: GRPCClientStream = try await client.stream("/test.Echo/Many")
      try await stream.send { _ in }
      var expected: Int64 = 0
      while var reader: ProtobufReader = try await stream.next() {
        expected += 1
        #expect(try reader.int64(try #require(try reader.next())) == expected)
      }
      #expect(expected == 1000)
    }
  }

  @Test func aTimeoutEndsTheCallOnBothSides() async throws {
    try await withGRPC { client in
      // The connection stands before: a call that times out while it is made never reaches the server.
      _ = try await client.unary("/test.Echo/Unary", timeout: .seconds(10)) { $0.presentString(3, "x") }
      let before: Int = EchoCall.cancelled.load(ordering: .sequentiallyConsistent)
      do {
        _ = try await client.unary("/test.Echo/Hangs", timeout: .milliseconds(500)) { _ in }
        Issue.record("a call that hangs returned")
      } catch let status as GRPCStatus {
        #expect(status.code == .deadlineExceeded)
      }
      try await eventually("the server hears of it") { EchoCall.cancelled.load(ordering: .sequentiallyConsistent) == before + 1 }
    }
  }
}
