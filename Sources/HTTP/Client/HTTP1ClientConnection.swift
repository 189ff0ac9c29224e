import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization

/// One HTTP/1.1 connection of a client: one request at a time.
final class HTTP1ClientConnection: Sendable {
  let channel: any Channel
  private let handler: NIOLoopBound<HTTP1ClientHandler>
  let reused: Atomic<Bool> = Atomic(false)

  init(channel: any Channel, handler: NIOLoopBound<HTTP1ClientHandler>) {
    self.channel = channel
    self.handler = handler
  }

  var isUsable: Bool { channel.isActive }

  /// `done(reusable)` once the response has ended or the connection broke.
  func start(_ exchange: ClientExchange, done: @escaping @Sendable (Bool) -> Void) {
    let handler: NIOLoopBound<HTTP1ClientHandler> = handler
    channel.eventLoop.execute { handler.value.start(exchange, done: done) }
  }

  func close() { channel.close(promise: nil) }
}

final class HTTP1ClientHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private var context: ChannelHandlerContext?
  private var exchange: ClientExchange?
  private var done: (@Sendable (Bool) -> Void)?
  private var keepAlive: Bool = true
  private var requestEnded: Bool = false
  private var failure: (any Error)?

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func start(_ exchange: ClientExchange, done: @escaping @Sendable (Bool) -> Void) {
    guard let context, context.channel.isActive, self.exchange == nil else {
      exchange.fail(HTTPError(.connectionLost, "The connection closed before the request was sent."))
      return done(false)
    }
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let loop: any EventLoop = context.eventLoop
    guard exchange.attach(abort: { loop.execute { bound.value.abort(exchange) } }) else { return done(true) }
    self.exchange = exchange
    self.done = done
    requestEnded = false
    keepAlive = true
    exchange.inbound.onResume { loop.execute { bound.value.resumeReading() } }
    exchange.markSent()
    var head = HTTPRequestHead(
      version: .http1_1, method: .init(rawValue: exchange.request.method.rawValue), uri: exchange.request.path ?? "/")
    head.headers.add(name: "host", value: exchange.request.authority ?? "localhost")
    for field in exchange.request.headerFields { head.headers.add(name: field.name.canonicalName, value: field.value) }
    switch exchange.body {
    case .whole(let bytes):
      let length: Int = bytes?.readableBytes ?? 0
      if length > 0 || ["POST", "PUT", "PATCH"].contains(exchange.request.method.rawValue) {
        head.headers.replaceOrAdd(name: "content-length", value: String(length))
      }
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      if let bytes, length > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil) }
      requestEnded = true
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    case .streamed(let queue):
      if !head.headers.contains(name: "content-length") { head.headers.replaceOrAdd(name: "transfer-encoding", value: "chunked") }
      context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
      queue.attach { loop.execute { bound.value.drain() } }
      drain()
    }
  }

  private func drain() {
    guard let context, let exchange, case .streamed(let queue) = exchange.body else { return }
    queue.drain(while: { context.channel.isWritable }) { piece in
      switch piece {
      case .head: break
      case .data(let bytes): context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
      case .end:
        requestEnded = true
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        queue.close()
      case .reset: context.close(promise: nil)
      }
    }
    context.flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let exchange else { return context.close(promise: nil) }
    switch unwrapInboundIn(data) {
    case .head(let head):
      keepAlive = head.isKeepAlive
      exchange.head.complete(
        .success(
          HTTPResponse(
            status: .init(code: Int(head.status.code), reasonPhrase: head.status.reasonPhrase), headerFields: head.headers.httpFields)))
    case .body(let bytes):
      if !exchange.inbound.push(bytes) { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
    case .end(let trailers):
      let reusable: Bool = keepAlive && requestEnded
      // Back to the pool first: the caller may send its next request as soon as it sees the end.
      release(reusable)
      exchange.finish(trailers: trailers?.httpFields)
      if !reusable { context.close(promise: nil) }
    }
  }

  private func release(_ reusable: Bool) {
    exchange = nil
    let done: (@Sendable (Bool) -> Void)? = self.done
    self.done = nil
    // The reader of the last response may have paused us.
    if reusable { resumeReading() }
    done?(reusable)
  }

  private func resumeReading() {
    guard let context else { return }
    try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    context.channel.read()
  }

  private func abort(_ aborted: ClientExchange) {
    // HTTP/1.1 cannot cancel one request without its connection.
    if exchange === aborted { context?.close(promise: nil) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { drain() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = error
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    if let exchange {
      exchange.fail(HTTPError(.connectionLost, "The server closed the connection before its response's end.", cause: failure))
      release(false)
    }
    context.fireChannelInactive()
  }
}
