import NIOCore
import NIOPosix
import Primitives

/// Takes connections for one member's peer port and passes them on, as the lines between the two centers allow. A line that is cut
/// keeps what was sent, as TCP's own sender would, and passes it on when it is open again; ends and breaks wait as well.
enum LinkRelay {
  static func listen(
    on address: (host: String, port: Int), to target: (host: String, port: Int), center: Int, lines: LineTable, owners: SocketOwners
  ) async throws -> any Channel {
    let group: MultiThreadedEventLoopGroup = .singleton
    return try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { accepted in
        // Both halves on the accepted connection's loop.
        let from: Int = accepted.remoteAddress?.port.flatMap { owners.center(ofPort: $0) } ?? center
        let loop: any EventLoop = accepted.eventLoop
        return ClientBootstrap(group: loop).channelOption(.autoRead, value: false).connectTimeout(.seconds(2))
          .connect(host: target.host, port: target.port)
          .flatMapThrowing { dialled in
            try accepted.pipeline.syncOperations.addHandler(
              RelayHalf(other: dialled, from: from, to: center, lines: lines))
            try dialled.pipeline.syncOperations.addHandler(
              RelayHalf(other: accepted, from: center, to: from, lines: lines))
          }
          .flatMapErrorThrowing { error in
            // The member is not there: so it looks to who dialled.
            accepted.close(promise: nil)
            throw error
          }
      }
      .bind(host: address.host, port: address.port).get()
  }
}

/// What is read from one side and written to the other.
private final class RelayHalf: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private enum Piece {
    case bytes(ByteBuffer)
    case end
  }
  private let other: any Channel
  private let from: Int
  private let to: Int
  private let lines: LineTable
  private var held: CircularBuffer<(due: MonotonicTime, piece: Piece)> = []
  private var heldBytes: Int = 0
  private var wantsRead: Bool = false
  private var observer: Int = 0
  private let clock = SystemClock()

  init(other: any Channel, from: Int, to: Int, lines: LineTable) {
    self.other = other
    self.from = from
    self.to = to
    self.lines = lines
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let (loop, bound): (any EventLoop, NIOLoopBound<RelayHalf>) = (context.eventLoop, NIOLoopBound(self, eventLoop: context.eventLoop))
    let place = NIOLoopBound(context, eventLoop: context.eventLoop)
    observer = lines.observe { loop.execute { bound.value.pass(place.value) } }
    context.read()
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let bytes: ByteBuffer = unwrapInboundIn(data)
    heldBytes += bytes.readableBytes
    held.append((clock.now() + lines.line(from: from, to: to).delay, .bytes(bytes)))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    pass(context)
    if heldBytes < TortureLimits.relayBytes { context.read() } else { wantsRead = true }
  }

  func channelInactive(context: ChannelHandlerContext) {
    held.append((clock.now() + lines.line(from: from, to: to).delay, .end))
    pass(context)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// Everything that is due, if the line is open.
  private func pass(_ context: ChannelHandlerContext) {
    guard !lines.line(from: from, to: to).cut else { return }
    let now: MonotonicTime = clock.now()
    while let first = held.first {
      guard first.due <= now else {
        let (bound, place) = (NIOLoopBound(self, eventLoop: context.eventLoop), NIOLoopBound(context, eventLoop: context.eventLoop))
        context.eventLoop.scheduleTask(in: .nanoseconds((first.due - now).inNanoseconds)) { bound.value.pass(place.value) }
        break
      }
      held.removeFirst()
      switch first.piece {
      case .bytes(let bytes):
        heldBytes -= bytes.readableBytes
        other.writeAndFlush(bytes, promise: nil)
      case .end:
        lines.forget(observer)
        other.close(promise: nil)
      }
    }
    if wantsRead, heldBytes < TortureLimits.relayBytes {
      wantsRead = false
      context.read()
    }
  }
}
