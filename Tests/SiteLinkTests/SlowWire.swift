import NIOCore
import NIOPosix
import Primitives

/// A wire of some bandwidth and delay towards the one that is dialled, behind a router that takes everything at once and drops nothing:
/// what comes faster than the wire waits there, as long as it takes. The way back is delayed only.
final class SlowWire: Sendable {
  private let listener: any Channel
  var port: Int { listener.localAddress?.port ?? 0 }

  init(to target: Int, bytesPerSecond: Int, delay: TimeAmount) async throws {
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .childChannelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 4096))
      .childChannelInitializer { inner in
        ClientBootstrap(group: inner.eventLoop)
          .channelOption(.tcpOption(.tcp_nodelay), value: 1)
          .channelInitializer { outer in
            outer.eventLoop.makeCompletedFuture { try outer.pipeline.syncOperations.addHandler(Delay(to: inner, delay, 0)) }
          }
          .connect(host: "127.0.0.1", port: target)
          .flatMapThrowing { outer in try inner.pipeline.syncOperations.addHandler(Delay(to: outer, delay, bytesPerSecond)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func close() async throws { try await listener.close() }

  private final class Delay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let other: any Channel
    private let delay: TimeAmount
    private let bytesPerSecond: Int
    private var free: NIODeadline = .now()
    /// Tasks of one instant run in no particular order; bytes do not.
    private var under: CircularBuffer<ByteBuffer> = CircularBuffer()

    init(to other: any Channel, _ delay: TimeAmount, _ bytesPerSecond: Int) {
      self.other = other
      self.delay = delay
      self.bytesPerSecond = bytesPerSecond
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let (bytes, other): (ByteBuffer, any Channel) = (unwrapInboundIn(data), other)
      free = max(free, .now())
      if bytesPerSecond > 0 { free = free + .nanoseconds(Int64(Double(bytes.readableBytes) / Double(bytesPerSecond) * 1e9)) }
      under.append(bytes)
      context.eventLoop.assumeIsolated().scheduleTask(deadline: free + delay) {
        other.writeAndFlush(self.under.removeFirst(), promise: nil)
      }
    }
    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
