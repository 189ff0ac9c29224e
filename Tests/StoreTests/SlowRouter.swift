import NIOCore
import NIOPosix

/// A line of some bandwidth to one port, with a router in front that drops nothing: whoever sends faster has seconds of it in there. The
/// way back is delayed only.
final class SlowRouter: Sendable {
  private let listener: any Channel
  let port: Int

  init(to target: Int, bytesPerSecond: Int, delay: TimeAmount) async throws {
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .childChannelInitializer { near in
        ClientBootstrap(group: near.eventLoop).channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .connect(host: "127.0.0.1", port: target)
          .flatMapThrowing { far in
            try far.pipeline.syncOperations.addHandler(Line(into: near, delay: delay, bytesPerSecond: .max))
            try near.pipeline.syncOperations.addHandler(Line(into: far, delay: delay, bytesPerSecond: bytesPerSecond))
          }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = listener.localAddress?.port ?? 0
  }

  func close() async throws { try await listener.close() }
}

private final class Line: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  private let exit: any Channel
  private let delay: TimeAmount
  private let bytesPerSecond: Int
  /// When the last bit of what came so far has left.
  private var busyUntil: NIODeadline = .now()
  private var queue: CircularBuffer<ByteBuffer> = CircularBuffer()

  init(into exit: any Channel, delay: TimeAmount, bytesPerSecond: Int) {
    self.exit = exit
    self.delay = delay
    self.bytesPerSecond = bytesPerSecond
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes: ByteBuffer = unwrapInboundIn(data)
    busyUntil = max(busyUntil, .now()) + .nanoseconds(Int64(bytes.readableBytes) * 1_000_000_000 / Int64(bytesPerSecond))
    queue.append(bytes)
    let exit: any Channel = exit
    // Whichever task runs first passes on what came first.
    context.eventLoop.assumeIsolated().scheduleTask(deadline: busyUntil + delay) {
      exit.writeAndFlush(self.queue.removeFirst(), promise: nil)
    }
  }

  func channelInactive(context: ChannelHandlerContext) { exit.close(promise: nil) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
