import NIOCore
import NIOPosix
import Primitives
import Processes
import Testing

@testable import TLS

/// Answers every request head with the name of who asks.
private final class WhoAmI: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private var peer: String = "nobody"
  private var head: Bytes = []

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if let event = event as? TLSHandshakeCompleted { peer = event.peer?.commonName ?? "nobody" }
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    head += unwrapInboundIn(data).readableBytesView
    guard head.suffix(4).elementsEqual([13, 10, 13, 10]) else { return }
    let answer: String = "HTTP/1.1 200 OK\r\ncontent-length: \(peer.utf8.count)\r\nconnection: close\r\n\r\n\(peer)"
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    context.close(promise: nil)
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Sends back what comes, and stops reading while the peer does.
private final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class Collector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let expected: Int
  private let whole: EventLoopPromise<Int>
  private var count: Int = 0
  init(expected: Int, whole: EventLoopPromise<Int>) {
    self.expected = expected
    self.whole = whole
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    count += unwrapInboundIn(data).readableBytes
    if count >= expected { whole.succeed(count) }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { whole.fail(error) }
  func channelInactive(context: ChannelHandlerContext) { whole.succeed(count) }
}

@Suite struct RealClientsTests {
  let authorities: Authorities
  let directory = TemporaryDirectory()
  let group = MultiThreadedEventLoopGroup.singleton

  init() throws {
    authorities = try Authorities()
    try SecretFile.write(authorities.ours.certificate.pem, to: directory.file("ca.pem"))
    try authorities.client("visitor").write(certificateFile: directory.file("client.pem"), keyFile: directory.file("client.key"))
    try authorities.server("openssl").write(certificateFile: directory.file("server.pem"), keyFile: directory.file("server.key"))
    try authorities.other.issue(Authorities.leaf("stranger"), now: now)
      .write(certificateFile: directory.file("stranger.pem"), keyFile: directory.file("stranger.key"))
  }

  private func listen(_ context: TLSContext, echo: Bool = false) async throws -> (any Channel, Int) {
    let channel: any Channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { child in
        child.eventLoop.makeCompletedFuture {
          try child.pipeline.syncOperations.addHandler(context.makeHandler())
          if echo { try child.pipeline.syncOperations.addHandler(Echo()) } else { try child.pipeline.syncOperations.addHandler(WhoAmI()) }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return (channel, channel.localAddress?.port ?? 0)
  }

  private func curl(_ port: Int, _ more: String...) async throws -> Command.Outcome {
    try await Command(["curl", "-sS", "--max-time", "10", "--cacert", directory.file("ca.pem")] + more + ["https://localhost:\(port)/"])
      .outcome()
  }

  @Test(.enabled(if: findProgram("curl") != nil, "curl is not installed"))
  func curlWithAClientCertificateIsKnownAndWithoutIsRefused() async throws {
    let (listener, port) = try await listen(authorities.serverContext { $0.applicationProtocols = ["http/1.1"] })
    let known = try await curl(port, "--cert", directory.file("client.pem"), "--key", directory.file("client.key"))
    #expect(known.output == Bytes("visitor"), "\(known.errors.text)")
    let nobody = try await curl(port)
    #expect(nobody.status != 0)
    #expect(nobody.errors.text.contains("certificate required"), "\(nobody.errors.text)")
    let stranger = try await curl(port, "--cert", directory.file("stranger.pem"), "--key", directory.file("stranger.key"))
    #expect(stranger.status != 0 && stranger.errors.text.contains("unknown ca"), "\(stranger.errors.text)")
    let old = try await curl(port, "--tls-max", "1.2")
    #expect(old.status == 35)
    try await listener.close()
  }

  @Test func opensslClientTalksToOurServer() async throws {
    let (listener, port) = try await listen(authorities.serverContext(), echo: false)
    let talk = try await Command(
      [
        "openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", directory.file("ca.pem"), "-verify_return_error", "-cert",
        directory.file("client.pem"), "-key", directory.file("client.key"), "-alpn", "h2,http/1.1", "-ign_eof",
      ], input: Bytes("GET / HTTP/1.1\r\n\r\n"), timeout: .seconds(15)
    ).outcome()
    #expect(talk.output.text.contains("visitor"))
    #expect(talk.output.text.contains("New, TLSv1.3"))
    #expect(talk.output.text.contains("ALPN protocol: h2"))
    #expect(talk.output.text.contains("Verification: OK"))
    let old = try await Command(["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-tls1_2"], timeout: .seconds(15)).outcome()
    #expect(old.status != 0)
    #expect(old.output.text.contains("Cipher is (NONE)"))
    try await listener.close()
  }

  @Test func ourClientTalksToOpensslServer() async throws {
    // s_server takes a port, not port 0's number back: one is taken and freed first.
    let holder: any Channel = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
    let port: Int = holder.localAddress?.port ?? 0
    try await holder.close()
    let arguments: [String] = [
      "openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-naccept", "1", "-rev", "-cert", directory.file("server.pem"), "-key",
      directory.file("server.key"), "-CAfile", directory.file("ca.pem"), "-Verify", "2", "-verify_return_error", "-tls1_3",
    ]
    async let server: Command.Outcome = Command(arguments, timeout: .seconds(20)).outcome()
    let context: TLSContext = try authorities.clientContext { $0.applicationProtocols = [] }
    var attempt: (channel: any Channel, completed: EventLoopFuture<TLSHandshakeCompleted>, received: EventLoopFuture<Int>)?
    for _ in 0..<200 where attempt == nil {
      let loop: any EventLoop = group.next()
      let received: EventLoopPromise<Int> = loop.makePromise()
      let completed: EventLoopPromise<TLSHandshakeCompleted> = loop.makePromise()
      let connecting: EventLoopFuture<any Channel> = ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(context.makeHandler(serverName: "127.0.0.1", completed: completed))
            try channel.pipeline.syncOperations.addHandler(Collector(expected: 6, whole: received))
          }
        }
        .connect(host: "127.0.0.1", port: port)
      do {
        attempt = (try await connecting.get(), completed.futureResult, received.futureResult)
      } catch {
        // The child needs a moment until it listens.
        completed.fail(error)
        received.fail(error)
        try await Task.sleep(for: .milliseconds(20))
      }
    }
    let (channel, completed, received) = try #require(attempt)
    let peer: PeerIdentity? = try await completed.get().peer
    #expect(peer?.commonName == "openssl")
    try await channel.writeAndFlush(ByteBuffer(string: "hello\n")).get()
    #expect(try await received.get() == 6)
    try await channel.close()
    #expect(try await server.status == 0)
  }

  @Test func hugeWritesCrossWithoutHugeBuffers() async throws {
    let (listener, port) = try await listen(authorities.serverContext(), echo: true)
    let context: TLSContext = try authorities.clientContext()
    let size: Int = 24 << 20
    let received: EventLoopPromise<Int> = group.next().makePromise()
    let channel: any Channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(context.makeHandler(serverName: "localhost"))
          try channel.pipeline.syncOperations.addHandler(Collector(expected: size, whole: received))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    try await channel.writeAndFlush(ByteBuffer(repeating: 5, count: size)).get()
    #expect(try await received.futureResult.get() == size)
    try await channel.close()
    try await listener.close()
  }
}
