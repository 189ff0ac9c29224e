import NIOCore
import NIOHPACK
import NIOHTTP2

/// One HTTP/2 stream of a listener that speaks through NIOHTTP2: the last handler of its stream channel, and the `StreamWriter` of its
/// response.
final class NIOHTTP2ServerStream: ChannelInboundHandler, StreamWriter {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let server: ServerContext
  private var context: ChannelHandlerContext?
  private var handler: (any StreamHandler)?
  /// The peer has sent END_STREAM; known before its last frame is handed on.
  private var remoteClosed: Bool = false
  /// `onEnd` was called.
  private var inputEnded: Bool = false
  private var outputEnded: Bool = false
  private var reading: Bool = false
  private var flushPending: Bool = false
  private var isHead: Bool = false
  let eventLoop: any EventLoop

  init(server: ServerContext, eventLoop: any EventLoop) {
    self.server = server
    self.eventLoop = eventLoop
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reading = true
    switch unwrapInboundIn(data) {
    case .headers(let payload):
      remoteClosed = remoteClosed || payload.endStream
      if let handler {
        // Trailers. gRPC clients send none that matter, and end the stream with them.
        if payload.endStream { end(handler) }
      } else {
        begin(payload.headers, end: payload.endStream)
      }
    case .data(let payload):
      remoteClosed = remoteClosed || payload.endStream
      guard let handler else { return }
      if case .byteBuffer(let bytes) = payload.data, bytes.readableBytes > 0 { handler.onData(bytes) }
      if payload.endStream { end(handler) }
    default: break
    }
  }

  private func begin(_ block: HPACKHeaders, end: Bool) {
    guard block.count <= server.limits.headerFields else {
      server.refusals.refused(server.remoteAddress, "a request with \(block.count) fields, over \(server.limits.headerFields)")
      send(FieldBlock(status: 431, [("content-length", "0")]), end: true)
      return
    }
    let head = StreamHead(hpack: block, peer: server.peer, remoteAddress: server.remoteAddress)
    let handler: any StreamHandler = server.makeHandler(for: head)
    self.handler = handler
    isHead = head.method == "HEAD"
    handler.onHeaders(head, writer: self)
    if end { self.end(handler) }
  }

  private func end(_ handler: any StreamHandler) {
    guard !inputEnded else { return }
    inputEnded = true
    handler.onEnd()
    if outputEnded { self.handler = nil }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    reading = false
    flushNow()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { handler?.onWritable() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A reset or a malformed stream: the channel goes inactive next, which tells the handler.
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    if let handler, !(inputEnded && outputEnded) {
      self.handler = nil
      handler.onReset(HTTPError(.connectionLost, "The client \(server.remoteAddress) reset the stream or went away."))
    }
    handler = nil
    context.fireChannelInactive()
  }

  // MARK: StreamWriter

  var isWritable: Bool { context?.channel.isWritable ?? false }

  func send(_ block: FieldBlock, end: Bool) {
    guard let context, !outputEnded else { return }
    let frame: OutboundOut = .headers(.init(headers: block.hpack, endStream: end))
    if end { return finish(context, with: frame) }
    context.write(wrapOutboundOut(frame), promise: nil)
    flushSoon()
  }

  func sendData(_ bytes: ByteBuffer) {
    guard let context, !outputEnded, !isHead else { return }
    context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes)))), promise: nil)
    flushSoon()
  }

  func sendEnd(trailers: FieldBlock?) {
    guard let context, !outputEnded else { return }
    if let trailers {
      finish(context, with: .headers(.init(headers: trailers.hpack, endStream: true)))
    } else {
      finish(context, with: .data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)))
    }
  }

  private func finish(_ context: ChannelHandlerContext, with frame: OutboundOut) {
    outputEnded = true
    if inputEnded { handler = nil }
    flushPending = false
    if remoteClosed { return context.writeAndFlush(wrapOutboundOut(frame), promise: nil) }
    // The rest of the request is of no use to anybody (RFC 9113 section 8.1: RST_STREAM with NO_ERROR after a full response), but
    // the reset must not overtake response bytes that wait for the peer's window.
    let written: EventLoopPromise<Void> = eventLoop.makePromise()
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    written.futureResult.whenSuccess { bound.value.stopRequest() }
    context.writeAndFlush(wrapOutboundOut(frame), promise: written)
  }

  private func stopRequest() {
    guard let context, !remoteClosed else { return }
    context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
  }

  func reset() {
    guard let context, !outputEnded else { return }
    outputEnded = true
    inputEnded = true
    handler = nil
    context.writeAndFlush(wrapOutboundOut(.rstStream(.internalError)), promise: nil)
  }

  func pauseReading() { try? context?.channel.syncOptions?.setOption(.autoRead, value: false) }

  func resumeReading() {
    guard let context else { return }
    try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    context.channel.read()
  }

  private func flushSoon() {
    guard !flushPending else { return }
    flushPending = true
    guard !reading else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute { bound.value.flushNow() }
  }

  private func flushNow() {
    guard flushPending, !reading else { return }
    flushPending = false
    context?.flush()
  }
}
