import Glibc
import HTTP
import HTTPTypes
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Servers that die without a word.
@Suite struct LossTests {
  /// Forwards bytes until it is told to swallow them: what a cut link looks like, no FIN and no RST.
  private final class Cable: Sendable {
    let cut: Atomic<Bool> = Atomic(false)
  }

  private final class Forward: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let other: any Channel
    let cable: Cable
    init(_ other: any Channel, _ cable: Cable) {
      self.other = other
      self.cable = cable
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if !cable.cut.load(ordering: .acquiring) { other.writeAndFlush(unwrapInboundIn(data), promise: nil) }
    }
    func channelInactive(context: ChannelHandlerContext) { if !cable.cut.load(ordering: .acquiring) { other.close(promise: nil) } }
  }

  /// On a unix socket: a port that is closed may be somebody else's a moment later.
  private func proxy(at path: String, to port: Int, _ cable: Cable, _ group: any EventLoopGroup) async throws -> any Channel {
    try await ServerBootstrap(group: group)
      .childChannelInitializer { inner in
        ClientBootstrap(group: inner.eventLoop)
          .channelInitializer { outer in
            outer.eventLoop.makeCompletedFuture { try outer.pipeline.syncOperations.addHandler(Forward(inner, cable)) }
          }
          .connect(host: "127.0.0.1", port: port)
          .flatMapThrowing { outer in
            try inner.pipeline.syncOperations.addHandler(Forward(outer, cable))
          }
      }
      .bind(unixDomainSocketPath: path).get()
  }

  @Test func aCutLinkFailsOpenStreamsAndTheNextTargetServes() async throws {
    // A loop of its own: what other tests do to theirs must not look like silence.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = HTTPServer(
      HTTPServerConfiguration(address: .host("127.0.0.1", port: 0), group: group, logger: quiet("server"), grace: .milliseconds(50)),
      responder: EchoResponder())
    try await server.start()
    let port: Int = try #require(server.port)
    let cable = Cable()
    let path: String = temporarySocket()
    defer { unlink(path) }
    let proxied: any Channel = try await proxy(at: path, to: port, cable, group)
    var configuration = HTTPClientConfiguration(
      targets: [.unix(path: path), .host("127.0.0.1", port: port)], version: .http2,
      group: group, logger: quiet("client"))
    configuration.keepAliveInterval = .milliseconds(200)
    configuration.keepAliveTimeout = .seconds(1)
    let client = HTTPClient(configuration)
    let watch: ClientResponse
    do {
      watch = try await client.execute(request(.get, "/wait"), body: nil)
      _ = try await watch.body.next()
    } catch {
      Issue.record(error, "before the link was cut")
      return
    }
    // Keep-alive alone must not break an idle watch.
    try await Task.sleep(for: .milliseconds(500))
    cable.cut.store(true, ordering: .releasing)
    try await proxied.close().get()
    let start: ContinuousClock.Instant = .now
    await #expect(throws: HTTPError(.connectionLost, "")) { _ = try await watch.body.next() }
    #expect(ContinuousClock.now - start < .seconds(8))
    do {
      let text: String = try await client.execute(request(.get, "/hello"), body: nil).body.text()
      #expect(text == "hello GET")
      #expect(client.currentTarget == .host("127.0.0.1", port: port))
    } catch {
      Issue.record(error, "after the link was cut")
    }
    client.close()
    await server.shutdown()
    try await group.shutdownGracefully()
  }

  @Test func nobodyListensIsConnectFailed() async throws {
    // Bound and not listening: the port stays ours while nobody answers there.
    let holder: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(holder) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound: Bool = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(holder, $0, length) == 0 && getsockname(holder, $0, &length) == 0 }
    }
    try #require(bound)
    let port = Int(UInt16(bigEndian: address.sin_port))
    for version in [HTTPClientConfiguration.Version.http1, .http2] {
      let client = HTTPClient(
        patient: HTTPClientConfiguration(targets: [.host("127.0.0.1", port: port)], version: version, logger: quiet("client")))
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            await #expect(throws: HTTPError(.connectFailed, "")) { _ = try await client.execute(request(.get, "/"), body: nil) }
          }
        }
      }
      client.close()
    }
  }

  @Test func aServerThatComesBackServesTheSameClient() async throws {
    let path: String = temporarySocket()
    let client = HTTPClient(patient: HTTPClientConfiguration(targets: [.unix(path: path)], logger: quiet("client")))
    for _ in 0..<3 {
      let server = HTTPServer(
        HTTPServerConfiguration(address: .unix(path: path), logger: quiet("server"), grace: .milliseconds(50)), responder: EchoResponder())
      try await server.start()
      let text: String = try await client.execute(request(.get, "/hello"), body: nil).body.text()
      #expect(text == "hello GET")
      await server.shutdown()
    }
    client.close()
  }
}
