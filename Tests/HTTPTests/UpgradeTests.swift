import HTTPTypes
import NIOCore
import Primitives
import TLS
import Testing

@testable import HTTP

/// Speaks WebSocket at `/socket`, plain bytes at `/bytes`, and refuses elsewhere.
private struct UpgradingResponder: Responder {
  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {
    guard let offer: UpgradeOffer = request.upgrade, request.head.path != "/refused" else {
      return try await response.respond(.forbidden, contentType: "text/plain", ByteBuffer(string: "not here\n"))
    }
    if request.head.path == "/bytes" {
      var head = HTTPResponse(status: .init(code: 101))
      head.headerFields[HTTPField.Name("Upgrade")!] = offer.protocols[0]
      let stream: DuplexStream = try await offer.accept(head)
      while let bytes: ByteBuffer = try await stream.read() { try await stream.write(bytes) }
      return await stream.close()
    }
    let socket = WebSocket(
      try await offer.accept(try WebSocketHandshake.answer(request.head, subprotocol: "echo")), role: .server, messageLimit: 1 << 20)
    while let message = try await socket.receive() { try await socket.send(message.isText ? .text : .binary, message.bytes) }
    await socket.close()
  }
}

@Suite("Connections that leave HTTP")
struct UpgradeTests {
  private func withServer(tls: Bool, _ body: (_ connect: () async throws -> DuplexStream) async throws -> Void) async throws {
    let pki = try TestPKI()
    var settings = HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), logger: quiet("server"), grace: .milliseconds(100))
    if tls { settings.tls = pki.server }
    let server = HTTPServer(settings, responder: UpgradingResponder())
    try await server.start()
    let port: Int = try #require(server.port)
    let context: TLSContext? = tls ? try pki.http1Client() : nil
    do {
      try await body { try await DuplexConnector.connect(to: .host("127.0.0.1", port: port), tls: context) }
      await server.shutdown()
    } catch {
      await server.shutdown()
      throw error
    }
  }

  private func open(_ stream: DuplexStream, _ path: String) async throws -> UpgradeClient.Outcome {
    let key: [UInt8] = (0..<16).map { UInt8($0) }
    let request: HTTPRequest = WebSocketHandshake.request(authority: "localhost", path: path, subprotocols: ["echo"], key: key)
    let outcome: UpgradeClient.Outcome = try await UpgradeClient.upgrade(stream, request)
    if case .switched(let head, _) = outcome, path == "/socket" { #expect(try WebSocketHandshake.check(head, to: request) == "echo") }
    return outcome
  }

  @Test("Messages there and back, of any size; the close is answered", arguments: [false, true])
  func messages(_ tls: Bool) async throws {
    try await withServer(tls: tls) { connect in
      guard case .switched(_, let stream) = try await open(try await connect(), "/socket") else {
        Issue.record("not switched")
        return
      }
      let socket = WebSocket(stream, role: .client)
      for length in [0, 1, 200, 70_000, 1 << 20] {
        let bytes = ByteBuffer(repeating: UInt8(truncatingIfNeeded: length), count: length)
        try await socket.send(.binary, bytes)
        #expect(try await socket.receive()?.bytes == bytes)
      }
      try await socket.send(.ping, ByteBuffer(string: "there?"))
      try await socket.send(.text, ByteBuffer(string: "yes"))
      let answer = try await socket.receive()
      #expect(answer?.isText == true)
      // Too large for the server: it says so and closes. What it has not read may reset the connection before its word arrives.
      try? await socket.send(.binary, ByteBuffer(repeating: 0, count: (1 << 20) + 1))
      let last = try? await socket.receive()
      #expect(last == nil)
    }
  }

  @Test("Bytes behind the request are not lost, much data waits for its reader, and an end is an end", arguments: [false, true])
  func bytes(_ tls: Bool) async throws {
    try await withServer(tls: tls) { connect in
      let stream: DuplexStream = try await connect()
      // The request and what follows it in one write.
      try await stream.write(
        ByteBuffer(string: "GET /bytes HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\nupgrade: other\r\n\r\nright behind"))
      var seen: String = ""
      while !seen.hasSuffix("right behind"), let bytes: ByteBuffer = try await stream.read() { seen += String(buffer: bytes) }
      #expect(seen.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
      #expect(seen.lowercased().contains("upgrade: other\r\n"))
      let total: Int = 8 << 20
      async let sent: Void = {
        for _ in 0..<(total >> 16) { try await stream.write(ByteBuffer(repeating: 1, count: 1 << 16)) }
      }()
      var received: Int = 0
      while received < total, let bytes: ByteBuffer = try await stream.read() { received += bytes.readableBytes }
      try await sent
      #expect(received == total)
      await stream.close()
      await #expect(throws: HTTPError.self) { try await stream.write(ByteBuffer(string: "late")) }
    }
  }

  @Test("A refusal is an ordinary answer, and the connection ends with it", arguments: [false, true])
  func refusal(_ tls: Bool) async throws {
    try await withServer(tls: tls) { connect in
      guard case .refused(let head, let body) = try await open(try await connect(), "/refused") else {
        Issue.record("not refused")
        return
      }
      #expect(head.status.code == 403)
      #expect(String(buffer: body) == "not here\n")
    }
  }

  @Test("Answers that are none are refused")
  func answers() {
    #expect(UpgradeClient.headEnd(ByteBuffer(string: "HTTP/1.1 101 x\r\na: b\r\n\r\nrest")) == 24)
    #expect(UpgradeClient.headEnd(ByteBuffer(string: "HTTP/1.1 101 x\r\na: b\r\n")) == nil)
    #expect(UpgradeClient.parse("HTTP/1.1 101 x\r\na: b\r\n\r\n")?.headerFields[HTTPField.Name("a")!] == "b")
    for bad in ["", "SSH-2.0\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 9 x\r\n\r\n", "HTTP/1.1 200 x\r\nno colon\r\n\r\n"] {
      #expect(UpgradeClient.parse(bad) == nil)
    }
  }
}
