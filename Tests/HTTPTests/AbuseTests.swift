import Glibc
import HTTP
import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization
import Testing

/// A connection that sends what it is told, byte for byte.
final class RawConnection: Sendable {
  private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let received: Received
    init(_ received: Received) { self.received = received }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes: ByteBuffer = unwrapInboundIn(data)
      received.text.withLock { $0 += String(buffer: bytes) }
    }
    func channelInactive(context: ChannelHandlerContext) { received.closed.store(true, ordering: .releasing) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
  final class Received: Sendable {
    let text: Mutex<String> = Mutex("")
    let closed: Atomic<Bool> = Atomic(false)
  }
  let received = Received()
  let channel: any Channel

  init(port: Int) async throws {
    let received: Received = received
    channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(received)) }
      }
      .connect(host: "127.0.0.1", port: port).get()
  }

  func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)).get() }
  func send(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }
  var text: String { received.text.withLock { $0 } }
  var isClosed: Bool { received.closed.load(ordering: .acquiring) }
  func close() { channel.close(promise: nil) }
}

@Suite struct AbuseTests {
  private func withServer(_ limits: HTTPLimits = HTTPLimits(), _ body: (Int, HTTPServer, EchoResponder) async throws -> Void) async throws {
    let responder = EchoResponder()
    let server = HTTPServer(
      HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), limits: limits, logger: quiet("server"), grace: .milliseconds(100)),
      responder: responder)
    try await server.start()
    do { try await body(try #require(server.port), server, responder) } catch { Issue.record(error) }
    await server.shutdown()
  }

  @Test func aRequestFedByteByByteIsAnswered() async throws {
    try await withServer { port, _, _ in
      let raw = try await RawConnection(port: port)
      for character in "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
        try await raw.send(String(character))
      }
      try await eventually("the echo") { raw.text.hasSuffix("\r\n\r\nabcde") }
      raw.close()
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    try await withServer { port, _, _ in
      let raw = try await RawConnection(port: port)
      try await raw.send(String(repeating: "GET /count HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", count: 150))
      try await eventually("all answers") { occurrences(of: "hello GET", in: raw.text) == 150 }
      raw.close()
    }
  }

  @Test func expectContinueIsAnswered() async throws {
    try await withServer { port, _, _ in
      let raw = try await RawConnection(port: port)
      try await raw.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
      try await eventually("100") { raw.text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\n") }
      try await raw.send("xyz")
      try await eventually("echo") { raw.text.hasSuffix("xyz") }
      raw.close()
    }
  }

  @Test(arguments: [
    "\u{1}\u{2}\u{3}garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  ]) func garbageIsRefusedAndTheConnectionClosed(_ bytes: String) async throws {
    try await withServer { port, server, _ in
      let raw = try await RawConnection(port: port)
      try await raw.send(bytes)
      try await eventually("closed") { raw.isClosed }
      #expect(!raw.text.contains("HTTP/1.1 200"))
      try await eventually("nothing is left") { server.connections == 0 }
    }
  }

  @Test func headerBombsAre431() async throws {
    try await withServer { port, _, _ in
      let big = try await RawConnection(port: port)
      try? await big.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Big: " + String(repeating: "b", count: 100_000) + "\r\n\r\n")
      try await eventually("closed") { big.isClosed }
      #expect(big.text.hasPrefix("HTTP/1.1 431"))
      let many = try await RawConnection(port: port)
      try? await many.send("GET /hello HTTP/1.1\r\nHost: a\r\n" + (0..<400).map { "X-\($0): y\r\n" }.joined() + "\r\n")
      try await eventually("closed") { many.isClosed }
      #expect(many.text.hasPrefix("HTTP/1.1 431"))
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, logger: quiet("client")))
      var fields = HTTPFields()
      for number in 0..<400 { fields[.init("x-\(number)")!] = "y" }
      let response: ClientResponse = try await client.execute(request(.get, "/hello", fields: fields), body: nil)
      #expect(response.head.status.code == 431)
      client.close()
    }
  }

  @Test func slowHeadsAreCutOff() async throws {
    var limits = HTTPLimits()
    limits.headTimeout = .milliseconds(150)
    limits.bodyTimeout = .milliseconds(150)
    try await withServer(limits) { port, server, _ in
      let silent = try await RawConnection(port: port)
      let head = try await RawConnection(port: port)
      try? await head.send("GET /hello HTTP/1.1\r\nHost:")
      let body = try await RawConnection(port: port)
      try? await body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      let preface = try await RawConnection(port: port)
      try? await preface.send("PRI * HTTP/2.0\r\n")
      try await eventually("all four are closed") { silent.isClosed && head.isClosed && body.isClosed && preface.isClosed }
      try await eventually("nothing is left") { server.connections == 0 }
    }
  }

  @Test func idleConnectionsAreClosed() async throws {
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(100)
    try await withServer(limits) { port, server, _ in
      for version in [HTTPClientConfiguration.Version.http1, .http2] {
        let client = HTTPClient(
          patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: version, logger: quiet("client")))
        _ = try await client.execute(request(.get, "/hello"), body: nil).body.text()
        try await eventually("the idle connection is closed") { server.connections == 0 }
        _ = try await client.execute(request(.get, "/hello"), body: nil).body.text()
        client.close()
        try await eventually("closed") { server.connections == 0 }
      }
    }
  }

  @Test func aConnectionThatNeverOpensAStreamIsClosed() async throws {
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(100)
    try await withServer(limits) { port, server, _ in
      let raw = try await RawConnection(port: port)
      var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      bytes.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
      try await raw.send(bytes)
      try await eventually("closed") { raw.isClosed }
    }
  }

  /// An answer before the whole request, with a body larger than what is buffered: the connection is kept and the rest dropped.
  @Test func anEarlyAnswerDoesNotBlockTheConnection() async throws {
    try await withServer { port, _, _ in
      let raw = try await RawConnection(port: port)
      let body = String(repeating: "x", count: 200_000)
      try await raw.send(
        "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + body + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
      try await eventually("both answers") { raw.text.contains("413") && raw.text.hasSuffix("hello GET") }
      raw.close()
    }
  }

  @Test func connectionsOverTheLimitAreClosed() async throws {
    var limits = HTTPLimits()
    limits.connections = 3
    try await withServer(limits) { port, server, _ in
      var held: [RawConnection] = []
      for _ in 0..<3 { held.append(try await RawConnection(port: port)) }
      try await eventually("three are in") { server.connections == 3 }
      let fourth = try await RawConnection(port: port)
      try await eventually("the fourth is closed") { fourth.isClosed }
      for raw in held { raw.close() }
    }
  }

  /// Go clients under load: hundreds of cancelled calls and thousands of PINGs on one connection. NIOHTTP2's defaults would kill it at 200.
  @Test func cancelledCallsAndPingsDoNotKillAConnection() async throws {
    try await withServer { port, server, _ in
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: .http2, logger: quiet("client")))
      for _ in 0..<400 {
        let response: ClientResponse = try await client.execute(request(.get, "/wait"), body: nil)
        _ = response.head
      }
      _ = try await client.execute(request(.get, "/hello"), body: nil).body.text()
      #expect(server.connections == 1)
      client.close()
      let raw = try await RawConnection(port: port)
      var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      bytes.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
      for _ in 0..<5_000 { bytes.writeBytes([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]) }
      try await raw.send(bytes)
      try await Task.sleep(for: .milliseconds(100))
      #expect(!raw.isClosed)
      raw.close()
    }
  }

  /// CVE-2023-44487: open and reset streams as fast as possible.
  @Test func aRapidResetIsCutOff() async throws {
    var limits = HTTPLimits()
    limits.resetsPerWindow = 2_000
    try await withServer(limits) { port, server, _ in
      let raw = try await RawConnection(port: port)
      var bytes = ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      bytes.writeBytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
      // :method GET, :scheme http, :path / from the static table, :authority "a" literal
      let block: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]
      for stream in stride(from: UInt32(1), to: 8_001, by: 2) {
        bytes.writeBytes([0, 0, UInt8(block.count), 1, 5])
        bytes.writeInteger(stream)
        bytes.writeBytes(block)
        bytes.writeBytes([0, 0, 4, 3, 0])
        bytes.writeInteger(stream)
        bytes.writeBytes([0, 0, 0, 8])
      }
      try? await raw.send(bytes)
      try await eventually("the connection is closed") { raw.isClosed }
      try await eventually("nothing is left") { server.connections == 0 }
    }
  }

  @Test func shutdownLetsARequestFinishAndThenCloses() async throws {
    let responder = EchoResponder()
    for version in [HTTPClientConfiguration.Version.http1, .http2] {
      let server = HTTPServer(
        HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), logger: quiet("server"), grace: .seconds(10)), responder: responder)
      try await server.start()
      let client = HTTPClient(
        patient: HTTPClientConfiguration(
          targets: [.host("127.0.0.1", port: try #require(server.port))], version: version, logger: quiet("client")))
      let stream: ClientStream = try await client.open(request(.post, "/stream"))
      try await stream.write(ByteBuffer(string: "a"))
      #expect(try await stream.next() == ByteBuffer(string: "a"))
      let closing = Task { await server.shutdown() }
      try await stream.write(ByteBuffer(string: "b"))
      #expect(try await stream.next() == ByteBuffer(string: "b"))
      try await stream.finish()
      #expect(try await stream.next() == nil)
      await closing.value
      #expect(server.connections == 0)
      client.close()
    }
  }
}

private func occurrences(of needle: String, in text: String) -> Int {
  var count: Int = 0
  var rest: Substring = text[...]
  while let found: Range<String.Index> = rest.firstRange(of: needle) {
    count += 1
    rest = rest[found.upperBound...]
  }
  return count
}
