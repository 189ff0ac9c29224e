import NIOCore
import Primitives

extension TLSHandler {
  public func read(context: ChannelHandlerContext) {
    readIsPending = true
    context.read()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    switch state {
    case .idle, .closed: return
    case .lingering:
      lingered += bytes.readableBytes
      if lingered > TLSLimits.lingerBytes { closeNow(context, nil) }
    case .handshaking, .open:
      guard case .success(let session) = session else { return }
      session.feed(&bytes)
      // A handler above that closes or writes from inside an event of ours comes back here later, not deeper.
      guard !isReading else { return }
      isReading = true
      defer { isReading = false }
      if state == .handshaking { advanceHandshake(context) }
      if state == .open { decrypt(context, session) }
    }
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    // A handshake, a peer that is being let go, and a record of which only a part came: nobody above knows that more must be read.
    if state == .handshaking || state == .lingering || readIsPending { context.read() }
    context.fireChannelReadComplete()
  }

  private func decrypt(_ context: ChannelHandlerContext, _ session: TLSSession) {
    while state == .open {
      var plaintext: ByteBuffer = context.channel.allocator.buffer(capacity: max(1024, min(session.inboundBytes, TLSLimits.encryptedPiece)))
      var progress: TLSSession.Progress = .done
      while case .done = progress, plaintext.readableBytes < TLSLimits.encryptedPiece { progress = session.read(into: &plaintext) }
      let left: Int = session.inboundBytes
      // Answers to key updates, and alerts.
      sendOutbound(context, session)
      if plaintext.readableBytes > 0 {
        readIsPending = false
        context.fireChannelRead(wrapInboundOut(plaintext))
      }
      switch progress {
      case .done: continue
      case .needsBytes:
        // More may have come while a handler above was called.
        if session.inboundBytes == left { return }
      case .closed:
        if state == .open { close(context: context, mode: .all, promise: nil) }
      case .failed(let error):
        if state == .open { fail(context, error) }
      }
    }
  }
}
