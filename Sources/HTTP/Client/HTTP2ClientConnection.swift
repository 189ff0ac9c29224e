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
///
/// Silence is counted in ticks that came on time. A loop that gets no processor cannot tell a dead server from bytes that it had no
/// time to read, and on a busy machine the server shares its fate: a late tick counts nothing.
final class HTTP2ClientKeeper: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame
  typealias OutboundOut = HTTP2Frame

  private let interval: Int64
  private let timeout: Int64
  private let step: Int64
  private let activity: ActivityMarker
  private let fate: ConnectionFate
  private var openStreams: Int = 0
  private var timer: Scheduled<Void>?
  /// Nanoseconds without a byte, by ticks on time: since the last byte, and since the PING.
  private var silent: Int64 = 0
  private var unanswered: Int64?
  private var seen: NIODeadline = .now()
  private var context: ChannelHandlerContext?

  init(interval: Duration, timeout: Duration, activity: ActivityMarker, fate: ConnectionFate) {
    self.interval = interval.nioNanoseconds
    self.timeout = timeout.nioNanoseconds
    step = max(10_000_000, min(self.interval, self.timeout) / 4)
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
    guard timer == nil else { return }
    silent = 0
    unanswered = nil
    arm()
  }

  func streamClosed() { openStreams -= 1 }

  private func arm() {
    guard let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let due: NIODeadline = context.eventLoop.now + .nanoseconds(step)
    timer = context.eventLoop.scheduleTask(deadline: due) { bound.value.tick(due: due) }
  }

  private func tick(due: NIODeadline) {
    timer = nil
    guard let context, openStreams > 0 else { return }
    if activity.last > seen {
      seen = activity.last
      silent = 0
      unanswered = nil
    } else if context.eventLoop.now - due < .nanoseconds(step / 2) {
      silent += step
      if let waited: Int64 = unanswered { unanswered = waited + step }
    }
    if let waited: Int64 = unanswered, waited >= timeout {
      fate.record(
        HTTPError(
          .connectionLost,
          "Nothing came from the server for \(waited / 1_000_000) ms after a keep-alive PING, \(silent / 1_000_000) ms in all."))
      return context.close(promise: nil)
    }
    if unanswered == nil, silent >= interval {
      unanswered = 0
      let ping = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 1), ack: false))
      context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
    }
    arm()
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
