import NIOCore
import NIOPosix
import Primitives
import Synchronization
import TLS
import Testing

@testable import SiteLink

/// What a hand-made peer got, and whether it still stands.
private final class Probe: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let first: [ByteBuffer]
  private let closed: EventLoopPromise<String>
  private var decoder = FrameDecoder(limits: LinkLimits())
  private var said: String = ""
  private let afterWelcome: [ByteBuffer]

  init(_ first: [ByteBuffer], afterWelcome: [ByteBuffer] = [], closed: EventLoopPromise<String>) {
    self.first = first
    self.afterWelcome = afterWelcome
    self.closed = closed
  }
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is TLSHandshakeCompleted else { return }
    for bytes in first { context.writeAndFlush(NIOAny(bytes), promise: nil) }
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    decoder.append(&bytes)
    while let event = try? decoder.next() {
      if case .refusal(let sentence) = event { said = sentence }
      if case .welcome = event { for bytes in afterWelcome { context.writeAndFlush(NIOAny(bytes), promise: nil) } }
    }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  func channelInactive(context: ChannelHandlerContext) { closed.succeed(said) }
}

/// A member that welcomes and then reads nothing more.
private final class Deaf: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  let member: MemberID
  init(_ member: MemberID) { self.member = member }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.writeAndFlush(NIOAny(Frame.welcome(member)), promise: nil)
    context.channel.setOption(.autoRead, value: false).whenComplete { _ in }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

@Suite(.timeLimit(.minutes(1))) struct HostileTests {
  let federation: Federation
  let group = MultiThreadedEventLoopGroup.singleton
  init() throws { federation = try Federation() }

  /// Connects with plain TCP, sends, and waits until the other side closes.
  private func raw(_ port: Int, _ bytes: Bytes) async throws {
    let channel: any Channel = try await ClientBootstrap(group: group).connect(host: "127.0.0.1", port: port).get()
    try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    try await channel.closeFuture.get()
  }

  /// Connects as `host` over TLS, sends frames, and returns the refusal that came before the end.
  private func speak(
    _ port: Int, as host: String, _ frames: [ByteBuffer], afterWelcome: [ByteBuffer] = []
  ) async throws -> String {
    let tls: TLSContext = try federation.tls(host).client
    let loop: any EventLoop = group.next()
    let closed: EventLoopPromise<String> = loop.makePromise()
    _ = try await ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([
            tls.makeHandler(verify: { _ in nil }), Probe(frames, afterWelcome: afterWelcome, closed: closed),
          ])
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return try await closed.futureResult.get()
  }

  @Test func garbageOnThePortDisturbsNobody() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await connect(one, two)
    await one.waitUp(two)
    var random = SeededRandom(seed: 5)
    let port: Int = try #require(two.link.port)
    for _ in 0..<20 { try await raw(port, (0..<500).map { _ in UInt8.random(in: 0...255, using: &random) }) }
    try await raw(port, Bytes("GET / HTTP/1.1\r\n\r\n"))
    #expect(try await one.send([(Bytes("well"), .normal)], to: two) == [true])
    await two.wait { $0 == .message(MemberID(1), Bytes("well")) }
    #expect(!two.seen.withLock { $0.contains(.link(MemberID(1), false)) })
    await stop(one, two)
  }

  @Test func framesThatBreakTheProtocolAreRefusedWithASentence() async throws {
    let (one, two) = (try Member(1, "prod-1", federation), try Member(2, "prod-2", federation))
    try await one.link.start()
    one.link.updatePeers([two.address(port: 9)])
    let port: Int = try #require(one.link.port)
    let hello: ByteBuffer = Frame.hello(Hello(clusterID: 0xBA, from: MemberID(2), to: MemberID(1)))
    let tooLarge = ByteBuffer(bytes: [6, 0, 0, 0, 4, 0, 1, 0])
    #expect(try await speak(port, as: "prod-2", [hello], afterWelcome: [tooLarge]).contains("100663296 bytes"))
    #expect(try await speak(port, as: "prod-2", [Frame.ping(1)]).contains("not a hello"))
    #expect(try await speak(port, as: "prod-2", [hello], afterWelcome: [hello]).contains("no place"))
    let elsewhere: ByteBuffer = Frame.hello(Hello(clusterID: 0xBA, from: MemberID(2), to: MemberID(3)))
    #expect(try await speak(port, as: "prod-2", [elsewhere]).contains("dialled member 3, but this is member 1"))
    #expect(try await speak(port, as: "prod-3", [hello]).contains("says hello as member 2, which is prod-2"))
    #expect(try await speak(port, as: "prod-2", [ByteBuffer(bytes: [0, 0, 0, 4, 1, 0, 1, 0, 1, 2, 3, 4])]).contains("does not speak"))
    #expect(one.messages.isEmpty)
    await stop(one)
  }

  @Test func halfOpenConnectionsEndAndAreCounted() async throws {
    var limits: LinkLimits = .quick
    limits.helloTimeout = .milliseconds(300)
    limits.halfOpenConnections = 3
    let (one, two) = (try Member(1, "prod-1", federation, limits: limits), try Member(2, "prod-2", federation))
    try await one.link.start()
    try await two.link.start()
    let port: Int = try #require(one.link.port)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      // Ten that say nothing, of which seven are closed at once.
      for _ in 0..<10 { tasks.addTask { try await raw(port, []) } }
      try await tasks.waitForAll()
    }
    // TLS finished, and no hello.
    #expect(try await speak(port, as: "prod-2", []) == "")
    one.link.updatePeers([two.address()])
    two.link.updatePeers([one.address()])
    _ = try await two.eventually(one) { $0.up }
    await stop(one, two)
  }

  @Test func aPeerThatStopsReadingCostsItsQueuesAndNoMore() async throws {
    var limits: LinkLimits = .quick
    limits.silence = .seconds(30)
    limits.bulkQueueBytes = 8 << 20
    limits.normalQueueBytes = 4 << 20
    limits.frameBytes = 1 << 20
    let (one, two) = (try Member(1, "prod-1", federation, limits: limits), try Member(2, "prod-2", federation))
    let tls: TLSContext = try federation.tls("prod-2").server
    let deaf: any Channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([tls.makeHandler(), Deaf(MemberID(2))])
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    try await one.link.start()
    one.link.updatePeers([two.address(port: deaf.localAddress?.port)])
    await one.waitUp(two)
    var taken: Int = 0
    // What the kernel and one turn take comes on top of the queue.
    for _ in 0..<400 {
      taken += try await one.send([(Bytes(repeating: 1, count: 1 << 20), .bulk)], to: two).count { $0 }
    }
    #expect(taken >= 8 && taken < 40, "\(taken) MiB of bulk were taken")
    let status: LinkStatus = try await one.eventually(two) { $0.dropped == Int64(400 - taken) }
    #expect(status.queuedBytes <= 8 << 20)
    // Bulk that is stuck takes no room from the others.
    #expect(try await one.send([(Bytes("append"), .normal), (Bytes("vote"), .urgent)], to: two) == [true, true])
    let more: [Bool] = try await one.send((0..<10).map { _ in (Bytes(repeating: 2, count: 1 << 20), .normal) }, to: two)
    #expect(more.count { $0 } == 3)
    await stop(one)
    try await deaf.close()
  }
}
