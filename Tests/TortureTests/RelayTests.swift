import Glibc
import NIOCore
import NIOPosix
import Primitives
import Testing

@testable import Torture

@Suite struct RelayTests {
  @Test func aPortIsFoundInTheKernelsTable() {
    let table: String = """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
         0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0
         1: 0100007F:1F90 0B005247:0947 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0000000000000000 20 4 30 10 -1
         2: 0100007F:0050 0B005247:0947 01 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1

      """
    #expect(SocketOwners.inode(ofPort: 8_080, in: table) == "222")
    #expect(SocketOwners.inode(ofPort: 80, in: table) == nil)
    #expect(SocketOwners.inode(ofPort: 81, in: table) == nil)
  }

  /// This process plays a member of the remote center that dials one of production.
  @Test func aCutHoldsBytesBackAndOneWayIsOneWay() async throws {
    let group: MultiThreadedEventLoopGroup = .singleton
    let echo: any Channel = try await ServerBootstrap(group: group)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let (lines, owners): (LineTable, SocketOwners) = (LineTable(), SocketOwners())
    owners.note(2, member: 4, pid: getpid())
    let relay: any Channel = try await LinkRelay.listen(
      on: ("127.0.0.1", 0), to: ("127.0.0.1", echo.localAddress?.port ?? 0), center: 0, lines: lines, owners: owners)
    let (stream, inlet) = AsyncStream<UInt8>.makeStream()
    let client: any Channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Hearer(inlet)) }
      }
      .connect(host: "127.0.0.1", port: relay.localAddress?.port ?? 0).get()
    var heard: AsyncStream<UInt8>.Iterator = stream.makeAsyncIterator()
    let clock = SystemClock()
    func send(_ byte: UInt8) async throws { try await client.writeAndFlush(ByteBuffer(bytes: [byte])) }

    let begin: MonotonicTime = clock.now()
    try await send(1)
    #expect(await heard.next() == 1)
    // 15 ms each way between these centers.
    #expect(clock.now() - begin >= .milliseconds(30))

    for (from, to) in [(2, 0), (0, 2)] {
      lines.set(from: from, to: to, LineState(cut: true, delay: .zero))
      let byte = UInt8(10 + from)
      try await send(byte)
      let opened: Task<MonotonicTime, Never> = Task {
        try? await Task.sleep(for: .milliseconds(150))
        let now: MonotonicTime = clock.now()
        lines.set(from: from, to: to, LineState(delay: .zero))
        return now
      }
      #expect(await heard.next() == byte)
      let (now, at): (MonotonicTime, MonotonicTime) = (clock.now(), await opened.value)
      #expect(now >= at)
    }
    try await client.close()
    try await relay.close()
    try await echo.close()
  }
}

private final class Echo: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
}

private final class Hearer: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let inlet: AsyncStream<UInt8>.Continuation
  init(_ inlet: AsyncStream<UInt8>.Continuation) { self.inlet = inlet }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    for byte in unwrapInboundIn(data).readableBytesView { inlet.yield(byte) }
  }
}
