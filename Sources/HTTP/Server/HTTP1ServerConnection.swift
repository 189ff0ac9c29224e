import HTTPTypes
import NIOCore
import NIOHTTP1
import TLS

/// A listener's HTTP/1.1 connection: requests one after the other, pipelined ones wait in a bounded queue. Reading goes on
/// while a response is under way, so that a client that leaves is noticed at once.
///
///     awaiting head ─▶ request ─▶ response ─▶ awaiting head …
///          │ headTimeout/idleTimeout  │ bodyTimeout
final class HTTP1ServerConnection: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = ByteBuffer

  private let server: ServerContext
  private var context: ChannelHandlerContext?
  private var handler: (any StreamHandler)?
  private var writer: HTTP1Writer?
  /// The request's body is still arriving.
  private var receiving: Bool = false
  /// Body bytes dropped after an early response.
  private var dropped: Int = 0
  private var waiting: CircularBuffer<HTTPServerRequestPart> = CircularBuffer()
  private var paused: Bool = false
  private(set) var draining: Bool = false
  private var flushPending: Bool = false
  private var closing: Bool = false
  private let deadline: Deadline

  init(server: ServerContext, eventLoop: any EventLoop) {
    self.server = server
    deadline = Deadline(eventLoop: eventLoop)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    deadline.onExpiry { bound.value.expired($0) }
    deadline.set(server.limits.headTimeout, "no complete request head within \(server.limits.headTimeout)")
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline.end()
    self.context = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if closing { return }
    let part: HTTPServerRequestPart = unwrapInboundIn(data)
    // A new head while a response is under way is a pipelined request.
    if !waiting.isEmpty || (writer != nil && !receiving) {
      waiting.append(part)
      if waiting.count >= server.limits.pipelinedParts { setReading(false) }
      return
    }
    handle(part, context)
  }

  private func handle(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
    switch part {
    case .head(let head): begin(head, context)
    case .body(let bytes):
      guard let handler, writer != nil else {
        dropped += bytes.readableBytes
        if dropped > server.limits.drainedBody { close() }
        return
      }
      deadline.set(server.limits.bodyTimeout, "a request's body stood still for \(server.limits.bodyTimeout)")
      handler.onData(bytes)
    case .end:
      receiving = false
      deadline.cancel()
      if let handler, writer != nil { handler.onEnd() }
      if writer == nil { nextRequest() }
    }
  }

  private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
    let http10: Bool = (head.version.major, head.version.minor) < (1, 1)
    receiving = true
    dropped = 0
    deadline.set(server.limits.bodyTimeout, "a request's body stood still for \(server.limits.bodyTimeout)")
    // The decoder reads nothing more after such a request: whoever does not upgrade closes.
    let upgrade: [String]? =
      http10 ? nil : UpgradeOffer.protocols(connection: head.headers["connection"], upgrade: head.headers["upgrade"])
    let writer = HTTP1Writer(
      connection: self, eventLoop: context.eventLoop, isHead: head.method == .HEAD, http10: http10,
      keepAlive: head.isKeepAlive && head.method != .CONNECT && upgrade == nil, upgradeProtocols: upgrade)
    self.writer = writer
    if !http10, head.headers[canonicalForm: "transfer-encoding"].isEmpty == false, !head.headers["content-length"].isEmpty {
      // Both framings at once is how requests are smuggled past proxies (RFC 9112 section 6.1).
      writer.send(FieldBlock(status: 400, [("content-length", "0")]), end: true)
      return close()
    }
    let request = StreamHead(
      http1: head, secure: server.secure, peer: server.peer, remoteAddress: server.remoteAddress)
    let handler: any StreamHandler = server.makeHandler(for: request)
    self.handler = handler
    handler.onHeaders(request, writer: writer)
    if self.writer === writer, !writer.headSent, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
      var buffer: ByteBuffer = self.buffer(capacity: 32)
      buffer.writeStaticString(HTTP1Response.continueLine)
      write(buffer)
    }
  }

  func responseEnded(close: Bool) {
    handler = nil
    writer = nil
    if close || draining { return self.close() }
    flushSoon()
    if !receiving { return nextRequest() }
    // Nobody will ask for the rest of the request any more: it is read and dropped.
    if paused { resumeReading() }
  }

  /// Deferred by a tick, so that a handler that answers at once does not recurse through a pipeline of requests.
  private func nextRequest() {
    if draining { return close() }
    deadline.set(server.limits.idleTimeout, nil)
    guard !waiting.isEmpty, let context else { return }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.takeWaiting() }
  }

  private func takeWaiting() {
    guard let context, !closing else { return }
    while !waiting.isEmpty, writer == nil || receiving {
      handle(waiting.removeFirst(), context)
    }
    if waiting.count < server.limits.pipelinedParts, !paused { setReading(true) }
  }

  private func expired(_ reason: String?) {
    guard let context else { return }
    if let reason { server.refusals.refused(server.remoteAddress, reason) }
    if reason != nil, writer == nil {
      write(HTTP1ServerConnection.refusal(status: 408, buffer: buffer(capacity: 128)))
    }
    context.flush()
    close()
  }

  static func refusal(status: Int, buffer: ByteBuffer) -> ByteBuffer {
    var buffer: ByteBuffer = buffer
    _ = HTTP1Response.head(
      FieldBlock(status: status, [("content-length", "0")]), isHead: false, http10: false, keepAlive: false, into: &buffer)
    return buffer
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      draining = true
      if writer == nil, !receiving { close() }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !closing else { return }
    if error is TLSError { return close() }
    if writer == nil || receiving {
      server.refusals.refused(server.remoteAddress, "not HTTP/1.1: \(error)")
      if writer == nil || writer?.headSent == false {
        let tooLarge: Bool = (error as? HTTPParserError) == .headerOverflow
        write(HTTP1ServerConnection.refusal(status: tooLarge ? 431 : 400, buffer: buffer(capacity: 128)))
      }
      context.flush()
    }
    close()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline.end()
    closing = true
    waiting.removeAll()
    writer?.detach()
    writer = nil
    if let handler {
      self.handler = nil
      handler.onReset(HTTPError(.connectionLost, "The client \(server.remoteAddress) closed the connection."))
    }
    context.fireChannelInactive()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    flushNow()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { handler?.onWritable() }
    context.fireChannelWritabilityChanged()
  }

  /// Leaves HTTP: the head goes out, the decoder and this handler go, and what follows belongs to the stream.
  func upgrade(_ head: HTTPResponse) -> DuplexStream? {
    guard let context, !closing, !receiving, waiting.isEmpty else { return nil }
    let pipeline: ChannelPipeline.SynchronousOperations = context.pipeline.syncOperations
    let duplex = DuplexHandler(limits: server.limits)
    do {
      let decoder: ByteToMessageHandler<HTTPRequestDecoder> = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
      var buffer: ByteBuffer = self.buffer(capacity: 512)
      HTTP1Response.switching(head, into: &buffer)
      handler = nil
      writer = nil
      context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
      try pipeline.addHandler(duplex)
      pipeline.removeHandler(self, promise: nil)
      // Bytes that came behind the request leave the decoder with it, for the stream.
      pipeline.removeHandler(decoder, promise: nil)
    } catch {
      close()
      return nil
    }
    if paused { resumeReading() }
    return duplex.stream(remoteAddress: server.remoteAddress)
  }

  // MARK: for the writer

  var isWritable: Bool { context?.channel.isWritable ?? false }
  func buffer(capacity: Int) -> ByteBuffer { context?.channel.allocator.buffer(capacity: capacity) ?? ByteBuffer() }

  func write(_ buffer: ByteBuffer) {
    guard let context else { return }
    context.write(wrapOutboundOut(buffer), promise: nil)
    flushSoon()
  }

  private func flushSoon() {
    guard !flushPending, let context else { return }
    flushPending = true
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.flushNow() }
  }

  private func flushNow() {
    guard flushPending else { return }
    flushPending = false
    context?.flush()
  }

  func pauseReading() {
    paused = true
    setReading(false)
  }

  func resumeReading() {
    paused = false
    if receiving { deadline.set(server.limits.bodyTimeout, "a request's body stood still for \(server.limits.bodyTimeout)") }
    setReading(true)
  }

  private func setReading(_ on: Bool) {
    guard let context else { return }
    if !on { deadline.cancel() }
    try? context.channel.syncOptions?.setOption(.autoRead, value: on)
    if on { context.channel.read() }
  }

  private func close() {
    guard !closing, let context else { return }
    closing = true
    deadline.cancel()
    flushPending = false
    context.flush()
    context.close(promise: nil)
  }

  /// Breaks the connection in the middle of a response: the only way HTTP/1.1 has to say that the body is not whole.
  func abort() {
    handler = nil
    writer = nil
    close()
  }
}
