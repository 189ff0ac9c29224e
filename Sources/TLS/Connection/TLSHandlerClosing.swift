import Logging
import NIOCore
import Primitives

extension TLSHandler {
  public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    switch (state, mode) {
    case (_, .input): context.close(mode: .input, promise: promise)
    case (.open, .output):
      guard !outputIsClosed, case .success(let session) = session else {
        promise?.succeed()
        return
      }
      drain(context, evenIfNotWritable: true)
      outputIsClosed = true
      session.shutdown()
      sendOutbound(context, session)
      context.close(mode: .output, promise: promise)
    case (.open, _):
      guard case .success(let session) = session else { return closeNow(context, promise) }
      drain(context)
      if !outputIsClosed {
        session.shutdown()
        sendOutbound(context, session)
      }
      closeNow(context, promise)
    case (.lingering, _):
      // The end is a linger time away; closing at once would reset the connection under our alert.
      if let promise { context.channel.closeFuture.cascade(to: promise) }
    default: closeNow(context, promise)
    }
  }

  func closeNow(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
    end(context, TLSError(.truncated, "The connection was closed."))
    context.close(promise: promise)
  }

  /// The one way out of a connection that went wrong: alert, error event, log, end.
  func fail(_ context: ChannelHandlerContext, _ error: TLSError) {
    guard state != .closed, state != .lingering else { return }
    let wasHandshaking: Bool = state == .handshaking
    if case .success(let session) = session { sendOutbound(context, session) }
    // Only a peer that speaks TLS has use for an alert.
    let lingers: Bool =
      error.code != .notTLS && error.code != .handshakeTimeout && error.code != .refusedByPeer && error.code != .bufferLimit
    end(context, error)
    if lingers { linger(context) }
    report(context, error, refused: wasHandshaking)
    if !lingers { context.close(promise: nil) }
  }

  /// Tells the handlers above, and the log if this is news.
  func report(_ context: ChannelHandlerContext, _ error: TLSError, refused: Bool = true) {
    let address: String = context.remoteAddress.map { $0.ipAddress ?? $0.pathname ?? "local" } ?? "unknown"
    if refused, tls.refusals.isNew(address, error.message, at: SystemClock().now()) {
      tls.configuration.logger.warning(
        "TLS connection refused or failed: \(error.message)", metadata: ["peer": "\(address)", "code": "\(error.code)"])
    }
    completed?.fail(error)
    completed = nil
    context.fireErrorCaught(error)
  }

  /// Closes our half, then reads and drops what the peer still sends: a socket that is closed with unread bytes sends a reset, which takes
  /// our alert away from the peer before it could read why it was refused.
  private func linger(_ context: ChannelHandlerContext) {
    state = .lingering
    let closed: EventLoopPromise<Void> = context.eventLoop.makePromise()
    closed.futureResult.assumeIsolated().whenFailure { [weak self] _ in
      if let self, self.state == .lingering { self.closeNow(context, nil) }
    }
    context.close(mode: .output, promise: closed)
    guard state == .lingering else { return }
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(TLSLimits.lingerMilliseconds)) { [weak self] in
      if let self, self.state == .lingering { self.closeNow(context, nil) }
    }
    context.read()
  }

  /// Nothing waits any more: timers, promises, writes.
  func end(_ context: ChannelHandlerContext, _ error: TLSError) {
    state = .closed
    timer?.cancel()
    timer = nil
    completed?.fail(error)
    completed = nil
    pendingBytes = 0
    while let write: PendingWrite = pending.popFirst() { write.promise?.fail(error) }
  }
}
