import NIOCore
import NIOHTTP2
import Synchronization

/// One HTTP/2 connection of a client, shared by all requests.
final class HTTP2ClientConnection: Sendable {
  let channel: any Channel
  private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
  private let fate: ConnectionFate

  init(channel: any Channel, multiplexer: NIOHTTP2Handler.StreamMultiplexer, fate: ConnectionFate) {
    self.channel = channel
    self.multiplexer = multiplexer
    self.fate = fate
  }

  /// No GOAWAY seen and not closed.
  var isUsable: Bool { !fate.isDraining && channel.isActive }

  func start(_ exchange: ClientExchange) {
    let fate: ConnectionFate = fate
    multiplexer.createStreamChannel { stream in
      stream.eventLoop.makeCompletedFuture {
        // A stream of a connection that is gone would wait for its activation for ever.
        guard stream.parent?.isActive == true else { throw ChannelError.ioOnClosedChannel }
        try stream.pipeline.syncOperations.addHandler(HTTP2ClientStream(exchange, fate))
      }
    }.whenFailure { error in
      exchange.fail(HTTPError(.connectionLost, "The connection closed before the request's stream was opened.", cause: error))
    }
  }

  func close() { channel.close(promise: nil) }
}

/// Whether the server takes more streams on a connection, and what ended it.
final class ConnectionFate: Sendable {
  private let raised: Atomic<Bool> = Atomic(false)
  private let reason: Mutex<(any Error)?> = Mutex(nil)
  var isDraining: Bool { raised.load(ordering: .acquiring) }
  func drain() { raised.store(true, ordering: .releasing) }
  var error: (any Error)? { reason.withLock { $0 } }
  func record(_ error: any Error) { reason.withLock { $0 = $0 ?? error } }
}

/// Remembers when bytes last arrived. Sits nearest to the socket.
final class ActivityMarker: ChannelInboundHandler {
  typealias InboundIn = Any
  typealias InboundOut = Any
  fileprivate(set) var last: NIODeadline = .now()
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    last = context.eventLoop.now
    context.fireChannelRead(data)
  }
}

/// Keep-alive and GOAWAY: the end of the connection's own pipeline.
final class HTTP2ClientKeeper: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let interval: TimeAmount
  private let timeout: TimeAmount
  private let activity: ActivityMarker
  private let fate: ConnectionFate
  private var openStreams: Int = 0
  private var timer: Scheduled<Void>?
  private var pingSent: NIODeadline?
  private var context: ChannelHandlerContext?
  private var failed: Bool = false

  init(interval: Duration, timeout: Duration, activity: ActivityMarker, fate: ConnectionFate) {
    self.interval = .nanoseconds(interval.nioNanoseconds)
    self.timeout = .nanoseconds(timeout.nioNanoseconds)
    self.activity = activity
    self.fate = fate
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    self.context = nil
    fate.drain()
    context.fireChannelInactive()
  }

  func streamOpened() {
    openStreams += 1
    if openStreams == 1, timer == nil { arm(after: interval) }
  }

  func streamClosed() { openStreams -= 1 }

  private func arm(after delay: TimeAmount) {
    guard let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let due: NIODeadline = context.eventLoop.now + delay
    timer = context.eventLoop.scheduleTask(deadline: due) { bound.value.tick(due: due) }
  }

  private func tick(due: NIODeadline) {
    timer = nil
    guard let context else { return }
    let now: NIODeadline = context.eventLoop.now
    if let sent = pingSent, activity.last < sent {
      // When this very loop was late, the answer may lie unread in the socket: look once more after the next read.
      if now - due > .milliseconds(200) { return arm(after: .milliseconds(100)) }
      if now - sent >= timeout {
        let error = HTTPError(
          .connectionLost, "Nothing came from the server for \((now - sent).nanoseconds / 1_000_000) ms after a keep-alive PING.")
        fate.record(error)
        return context.close(promise: nil)
      }
      return arm(after: min(interval, sent + timeout - now))
    }
    pingSent = nil
    guard openStreams > 0 else { return }
    pingSent = now
    context.writeAndFlush(
      wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 1), ack: false))), promise: nil)
    arm(after: min(interval, timeout))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .goAway = unwrapInboundIn(data).payload { fate.drain() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is NIOHTTP2Errors.NoSuchStream || error is NIOHTTP2Errors.StreamError { return }
    fate.record(error)
    context.close(promise: nil)
  }
}

/// Counts streams for the keeper.
struct KeeperDelegate: NIOHTTP2StreamDelegate {
  let keeper: NIOLoopBound<HTTP2ClientKeeper>
  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { keeper.value.streamOpened() }
  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { keeper.value.streamClosed() }
}
