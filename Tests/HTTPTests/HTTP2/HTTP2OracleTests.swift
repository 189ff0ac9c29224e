import Logging
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Primitives
import Testing

@testable import HTTP

/// The same random requests of NIOHTTP2's client to our codec and to NIOHTTP2's server, over channels in memory that cut the bytes
/// where they like: what the client hears must be the same.
@Suite struct HTTP2OracleTests {
  @Test func bothServersSayTheSame() async throws {
    for seed: UInt64 in 1...8 {
      let own: [String] = try Exchange(seed: seed, codec: .own).run()
      let nio: [String] = try Exchange(seed: seed, codec: .nio).run()
      #expect(own == nio, "seed \(seed)")
      #expect(!own.isEmpty)
      await Task.yield()
    }
  }
}

/// Echoes: head at the head, content as it comes, trailers at the end. `/early` answers before the end, `/large` sends what its path says.
private final class EchoHandler: StreamHandler {
  private var writer: (any StreamWriter)?
  private var left: Int = 0
  private var received: Int = 0
  private var path: String = ""

  func onHeaders(_ head: StreamHead, writer: any StreamWriter) {
    self.writer = writer
    path = head.path
    writer.send(FieldBlock(status: 200, [("x-path", head.path), ("x-agent", head.first("user-agent") ?? "")]), end: false)
    if path.hasPrefix("/large/") {
      left = Int(path.dropFirst(7)) ?? 0
      onWritable()
    }
  }
  func onData(_ bytes: ByteBuffer) {
    received += bytes.readableBytes
    if path == "/echo" { writer?.sendData(bytes) }
    if path == "/slow" {
      writer?.pauseReading()
      let bound = NIOLoopBound(self, eventLoop: writer!.eventLoop)
      writer?.eventLoop.execute { bound.value.writer?.resumeReading() }
    }
  }
  func onEnd() {
    if path.hasPrefix("/large/") { return }
    writer?.sendEnd(trailers: FieldBlock(status: nil, [("x-received", "\(received)")]))
  }
  func onWritable() {
    guard let writer, left > 0 else { return }
    while left > 0, writer.isWritable {
      let count: Int = min(left, 7000)
      writer.sendData(ByteBuffer(repeating: UInt8(truncatingIfNeeded: left), count: count))
      left -= count
    }
    if left == 0 { writer.sendEnd(trailers: nil) }
  }
  func onReset(_ error: HTTPError) { writer = nil }
}

/// What a client's stream heard.
private final class Heard: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload
  var fields: [String] = []
  var bytes = ByteBuffer()
  var ended: Bool = false
  let request: (HPACKHeaders, [ByteBuffer])
  init(_ request: (HPACKHeaders, [ByteBuffer])) { self.request = request }

  func channelActive(context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(.headers(.init(headers: request.0, endStream: request.1.isEmpty))), promise: nil)
    for (index, part) in request.1.enumerated() {
      context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(part), endStream: index + 1 == request.1.count))), promise: nil)
    }
    context.flush()
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let payload):
      fields += payload.headers.map { "\($0.name)=\($0.value)" }
      ended = ended || payload.endStream
    case .data(let payload):
      if case .byteBuffer(let part) = payload.data { bytes.writeImmutableBuffer(part) }
      ended = ended || payload.endStream
    case .rstStream(let code): fields.append("reset \(code)")
    default: break
    }
  }
  var text: String { "\(fields.joined(separator: " ")) bytes=\(bytes.readableBytes) sum=\(bytes.hashValue) ended=\(ended)" }
}

private struct NoResponder: Responder {
  func respond(to request: ServerRequest, through response: any ResponseWriter) async throws {}
}

private final class Exchange {
  /// What is asked, and where bytes are cut: the second differs between the servers.
  private var random: SeededRandom
  private var cuts: SeededRandom
  private let loop = EmbeddedEventLoop()
  private let server: EmbeddedChannel
  private let client: EmbeddedChannel
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private var heard: [Heard] = []

  init(seed: UInt64, codec: HTTPServerConfiguration.HTTP2Codec) throws {
    random = SeededRandom(seed: seed)
    cuts = SeededRandom(seed: seed &* 31)
    server = EmbeddedChannel(loop: loop)
    client = EmbeddedChannel(loop: loop)
    var limits = HTTPLimits()
    limits.streamWindow = 65_535
    limits.connectionWindow = 65_535 * 4
    limits.bufferedResponse = 20_000
    let context = ServerContext(
      router: { _ in EchoHandler() }, responder: NoResponder(), limits: limits, http2: codec, logger: quiet("server"),
      refusals: RefusalLog(logger: quiet("server")), secure: false, peer: nil, remoteAddress: "memory")
    try server.pipeline.syncOperations.addHandler(FlushPerTick())
    try ServerPipeline.addHTTP2(context, to: server)
    var configuration = NIOHTTP2Handler.Configuration()
    configuration.connection.initialSettings = [
      HTTP2Setting(parameter: .initialWindowSize, value: Int.random(in: 1...70_000, using: &random)),
      HTTP2Setting(parameter: .maxConcurrentStreams, value: 100),
    ]
    configuration.stream.targetWindowSize = Int.random(in: 100...100_000, using: &random)
    multiplexer = try client.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .client, connectionConfiguration: configuration.connection, streamConfiguration: configuration.stream
    ) { $0.eventLoop.makeSucceededVoidFuture() }
    try server.connect(to: SocketAddress(unixDomainSocketPath: "/a")).wait()
    try client.connect(to: SocketAddress(unixDomainSocketPath: "/b")).wait()
  }

  func run() throws -> [String] {
    for number in 0..<Int.random(in: 1...10, using: &random) {
      request(number)
      if Bool.random(using: &random) { try carry(rounds: Int.random(in: 1...10, using: &random)) }
    }
    try carry(rounds: 20_000)
    defer {
      _ = try? client.finish(acceptAlreadyClosed: true)
      _ = try? server.finish(acceptAlreadyClosed: true)
    }
    return heard.map(\.text)
  }

  private func request(_ number: Int) {
    let path: String = ["/echo", "/slow", "/large/\(Int.random(in: 0...80_000, using: &random))"].randomElement(using: &random)!
    var parts: [ByteBuffer] = []
    if !path.hasPrefix("/large/") {
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        parts.append(ByteBuffer(repeating: UInt8.random(in: 0 ... .max, using: &random), count: Int.random(in: 0...20_000, using: &random)))
      }
    }
    var fields: HPACKHeaders = [":method": "POST", ":scheme": "http", ":path": path, ":authority": "a", "user-agent": "oracle"]
    if Bool.random(using: &random) { fields.add(name: "x-number", value: "\(number)") }
    let heard = Heard((fields, parts))
    self.heard.append(heard)
    let bound = NIOLoopBound(heard, eventLoop: loop)
    multiplexer.createStreamChannel { stream in
      stream.eventLoop.makeCompletedFuture { try stream.pipeline.syncOperations.addHandler(bound.value) }
    }.whenFailure { Issue.record($0) }
    loop.run()
  }

  /// Carries bytes both ways, cut at random, until nothing moves.
  private func carry(rounds: Int) throws {
    var still: Int = 0
    for _ in 0..<rounds {
      let moved: Bool = try move(client, server)
      let answered: Bool = try move(server, client)
      loop.run()
      still = moved || answered ? 0 : still + 1
      if still == 3 { return }
    }
  }

  private func move(_ from: EmbeddedChannel, _ to: EmbeddedChannel) throws -> Bool {
    var moved: Bool = false
    while var bytes: ByteBuffer = try from.readOutbound(as: ByteBuffer.self) {
      moved = moved || bytes.readableBytes > 0
      while bytes.readableBytes > 0 {
        let length: Int =
          Int.random(in: 0...3, using: &cuts) == 0 ? Int.random(in: 1...bytes.readableBytes, using: &cuts) : bytes.readableBytes
        if let part: ByteBuffer = bytes.readSlice(length: length) { try to.writeInbound(part) }
      }
    }
    return moved
  }
}
