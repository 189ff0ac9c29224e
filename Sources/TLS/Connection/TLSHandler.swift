import Logging
import NIOCore
import Primitives

/// A user event, fired once on the channel's loop before any plaintext.
public struct TLSHandshakeCompleted: Sendable, Hashable {
  /// The application protocol that both speak; nil if none was negotiated.
  public var alpn: String?
  /// From the peer's verified certificate; nil if it showed none.
  public var peer: PeerIdentity?
}

/// TLS for one channel. Below it ciphertext, above it plaintext, both as `ByteBuffer`.
///
/// Contract: (1) `TLSHandshakeCompleted` comes before the first byte; what is written earlier waits. (2) One `flush` is one encryption of
/// everything written before it. (3) While the channel is not writable nothing is encrypted, so that a slow peer's memory is what was
/// written here and `maximumBufferedBytes` bounds it. (4) A failure is fired as one `TLSError` through `errorCaught`, then the channel is
/// closed. (5) The end of input is `channelInactive` after close_notify; without it a `TLSError` `.truncated` comes first.
public final class TLSHandler: ChannelDuplexHandler {
  public typealias InboundIn = ByteBuffer
  public typealias InboundOut = ByteBuffer
  public typealias OutboundIn = ByteBuffer
  public typealias OutboundOut = ByteBuffer

  enum State {
    case idle
    case handshaking
    case open
    /// We refused the peer: its bytes are dropped until it goes or the linger time is over.
    case lingering
    case closed
  }

  struct PendingWrite {
    var bytes: ByteBuffer
    var promise: EventLoopPromise<Void>?
  }

  let tls: TLSContext
  let session: Result<TLSSession, TLSError>
  var completed: EventLoopPromise<TLSHandshakeCompleted>?
  var state: State = .idle
  var pending: MarkedCircularBuffer<PendingWrite> = MarkedCircularBuffer(initialCapacity: 8)
  var pendingBytes: Int = 0
  var staging = ByteBuffer()
  var isDraining: Bool = false
  var readIsPending: Bool = false
  var isReading: Bool = false
  var lingered: Int = 0
  var outputIsClosed: Bool = false
  var timer: Scheduled<Void>?

  init(context: TLSContext, session: Result<TLSSession, TLSError>, completed: EventLoopPromise<TLSHandshakeCompleted>?) {
    self.tls = context
    self.session = session
    self.completed = completed
  }

  public func handlerAdded(context: ChannelHandlerContext) {
    if context.channel.isActive { start(context) }
  }

  public func handlerRemoved(context: ChannelHandlerContext) {
    let reason: String = state == .idle ? "The connection was never made." : "The TLS handler was taken out of the channel."
    end(context, TLSError(.handshakeFailed, reason))
  }

  public func channelActive(context: ChannelHandlerContext) {
    start(context)
    context.fireChannelActive()
  }

  public func channelInactive(context: ChannelHandlerContext) {
    switch state {
    case .handshaking:
      report(context, TLSError(.handshakeFailed, "The peer closed the connection during the TLS handshake."))
    case .open:
      let error = TLSError(.truncated, "The connection ended without TLS close_notify; the last bytes may be missing.")
      end(context, error)
      context.fireErrorCaught(error)
    default: break
    }
    end(context, TLSError(.truncated, "The connection is closed."))
    context.fireChannelInactive()
  }

  private func start(_ context: ChannelHandlerContext) {
    guard state == .idle else { return }
    state = .handshaking
    guard case .success = session else {
      if case .failure(let error) = session { fail(context, error) }
      return
    }
    let limit = TimeAmount.nanoseconds(tls.configuration.handshakeTimeout.inNanoseconds)
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self] in
      guard let self, self.state == .handshaking else { return }
      self.fail(
        context,
        TLSError(
          .handshakeTimeout,
          "The TLS handshake was not finished within \(self.tls.configuration.handshakeTimeout): the connection was half open."))
    }
    advanceHandshake(context)
  }

  func advanceHandshake(_ context: ChannelHandlerContext) {
    guard case .success(let session) = session else { return }
    let progress: TLSSession.Progress = session.handshake()
    switch progress {
    case .needsBytes: sendOutbound(context, session)
    case .done:
      sendOutbound(context, session)
      timer?.cancel()
      timer = nil
      state = .open
      let event = TLSHandshakeCompleted(alpn: session.negotiatedProtocol, peer: session.peer)
      completed?.succeed(event)
      completed = nil
      context.fireUserInboundEventTriggered(event)
      drain(context)
    case .failed(let error): fail(context, error)
    case .closed: fail(context, TLSError(.handshakeFailed, "The peer ended TLS during the handshake."))
    }
  }

  func sendOutbound(_ context: ChannelHandlerContext, _ session: TLSSession) {
    guard session.outbound.readableBytes > 0 else { return }
    let bytes: ByteBuffer = session.outbound
    session.outbound = ByteBuffer()
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }
}
