import NIOCore
import NIOPosix
import Synchronization

/// A wire that can be cut (connections die) or go silent (bytes are swallowed), between a member and the one it dials.
final class Proxy: Sendable {
  private let listener: any Channel
  private let state: State
  var port: Int { listener.localAddress?.port ?? 0 }

  final class State: Sendable {
    let silent: Atomic<Bool> = Atomic(false)
    let channels: Mutex<[any Channel]> = Mutex([])
  }

  init(to target: Int) async throws {
    let state = State()
    self.state = state
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .childChannelInitializer { inner in
        state.channels.withLock { $0.append(inner) }
        return ClientBootstrap(group: inner.eventLoop)
          .channelInitializer { outer in
            outer.eventLoop.makeCompletedFuture { try outer.pipeline.syncOperations.addHandler(Pipe(to: inner, state)) }
          }
          .connect(host: "127.0.0.1", port: target)
          .flatMapThrowing { outer in try inner.pipeline.syncOperations.addHandler(Pipe(to: outer, state)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func cut() {
    state.channels.withLock { channels in
      channels.forEach { $0.close(promise: nil) }; channels = []
    }
  }
  func setSilent(_ silent: Bool) { state.silent.store(silent, ordering: .relaxed) }
  func close() async throws {
    cut()
    try await listener.close()
  }

  private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let other: any Channel
    let state: State
    init(to other: any Channel, _ state: State) {
      self.other = other
      self.state = state
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      if !state.silent.load(ordering: .relaxed) { other.writeAndFlush(unwrapInboundIn(data), promise: nil) }
    }
    func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
