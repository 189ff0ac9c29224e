import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One request on an HTTP/2 connection: the last handler of its stream channel.
final class HTTP2ClientStream: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  private let exchange: ClientExchange
  private let fate: ConnectionFate
  private var context: ChannelHandlerContext?
  private var headSeen: Bool = false
  private var inputEnded: Bool = false
  private var started: Bool = false
  private var failure: (any Error)?

  init(_ exchange: ClientExchange, _ fate: ConnectionFate) {
    self.exchange = exchange
    self.fate = fate
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) {
    if !started {
      started = true
      start(context)
    }
    context.fireChannelActive()
  }

  private func start(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let loop: any EventLoop = context.eventLoop
    let attached: Bool = exchange.attach { loop.execute { bound.value.abort() } }
    guard attached else { return context.close(promise: nil) }
    exchange.inbound.onResume { loop.execute { bound.value.resumeReading() } }
    exchange.markSent()
    let block: HPACKHeaders = HPACKHeaders(request: exchange.request)
    switch exchange.body {
    case .whole(let bytes):
      let empty: Bool = bytes.map { $0.readableBytes == 0 } ?? true
      context.write(wrapOutboundOut(.headers(.init(headers: block, endStream: empty))), promise: nil)
      if let bytes, !empty { context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes), endStream: true))), promise: nil) }
      context.flush()
    case .streamed(let queue):
      context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: block))), promise: nil)
      queue.attach { loop.execute { bound.value.drain() } }
      drain()
    }
  }

  private func drain() {
    guard let context, case .streamed(let queue) = exchange.body else { return }
    var wrote: Bool = false
    queue.drain(while: { context.channel.isWritable }) { piece in
      wrote = true
      switch piece {
      case .head: break
      case .data(let bytes): context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes)))), promise: nil)
      case .end:
        context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true))), promise: nil)
        queue.close()
      case .reset: context.close(promise: nil)
      }
    }
    if wrote { context.flush() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .headers(let payload):
      if headSeen {
        if payload.endStream { end(trailers: payload.headers.httpFields) }
        return
      }
      guard let code: Int = payload.headers.first(name: ":status").flatMap({ Int($0) }), (100..<1000).contains(code) else {
        failure = HTTPError(.protocolViolation, "The response has no valid :status.")
        return context.close(promise: nil)
      }
      // Informational responses precede the one that counts (RFC 9110 section 15.2).
      if code < 200, !payload.endStream { return }
      headSeen = true
      let head = HTTPResponse(status: .init(code: code), headerFields: payload.headers.httpFields)
      // A gRPC error may come as trailers only: the fields are both.
      if payload.endStream { end(trailers: head.headerFields) }
      exchange.head.complete(.success(head))
    case .data(let payload):
      if case .byteBuffer(let bytes) = payload.data, bytes.readableBytes > 0, !exchange.inbound.push(bytes) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
      }
      if payload.endStream { end(trailers: nil) }
    default: break
    }
  }

  private func end(trailers: HTTPFields?) {
    inputEnded = true
    exchange.finish(trailers: trailers)
    // What we still had to send interests nobody.
    if case .streamed(let queue) = exchange.body { queue.fail(HTTPError(.connectionLost, "The server has ended the stream.")) }
  }

  private func resumeReading() {
    guard let context else { return }
    try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    context.channel.read()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { drain() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let closed = error as? NIOHTTP2Errors.StreamClosed, closed.errorCode == .refusedStream {
      // The server says that it has not looked at the request (RFC 9113 section 8.7).
      exchange.markSent(false)
    }
    if failure == nil { failure = error }
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    if !inputEnded {
      exchange.fail(
        failure as? HTTPError
          ?? HTTPError(
            .connectionLost, "The stream to \(exchange.request.authority ?? "the server") broke before its response's end.",
            cause: fate.error ?? failure)
      )
    }
    context.fireChannelInactive()
  }

  private func abort() { context?.close(promise: nil) }
}
