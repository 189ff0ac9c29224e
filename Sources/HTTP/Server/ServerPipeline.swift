import NIOCore
import NIOHTTP1
import NIOHTTP2
import TLS

/// The handlers that follow once a connection's protocol is known.
///
///     socket ─ [TLS] ─ FlushPerTick ─┬─ HTTP/1.1 decoder ─ HTTP1ServerConnection
///                                    └─ NIOHTTP2Handler ─ connection management ─ HTTP2ServerConnection
///                                             └─ per stream: HTTP2ServerStream
enum ServerPipeline {
  static func addHTTP1(_ server: ServerContext, to pipeline: ChannelPipeline.SynchronousOperations, eventLoop: any EventLoop) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderListSize = server.limits.headerBytes
    limits.maxHeaderFieldSize = server.limits.headerBytes
    limits.maxHeaderFieldCount = server.limits.headerFields
    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits))
    try pipeline.addHandler(decoder)
    try pipeline.addHandler(HTTP1ServerConnection(server: server, eventLoop: eventLoop))
  }

  static func addHTTP2(_ server: ServerContext, to channel: any Channel) throws {
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(
        maxIdleTime: .nanoseconds(server.limits.idleTimeout.nioNanoseconds), maxAge: nil, maxGraceTime: nil, keepalive: nil))
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: server.limits.http2Connection,
      streamConfiguration: server.limits.http2Stream, streamDelegate: management.http2StreamDelegate
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(HTTP2ServerStream(server: server, eventLoop: stream.eventLoop))
      }
    }
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    try pipeline.addHandler(http2)
    try pipeline.addHandler(management)
    try pipeline.addHandler(HTTP2ServerConnection(server: server))
  }
}

/// The end of an HTTP/2 connection's own pipeline: closes it on errors, once, with the reason in the log.
final class HTTP2ServerConnection: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let server: ServerContext
  private var refused: Bool = false

  init(server: ServerContext) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // A frame for a stream that is gone already is a race, not an offence.
    if error is NIOHTTP2Errors.NoSuchStream || error is NIOHTTP2Errors.StreamError { return }
    // TLS says for itself what it refused, and a close without close_notify is a client's bad manners.
    if !refused, !(error is TLSError) {
      refused = true
      server.refusals.refused(server.remoteAddress, "HTTP/2 error: \(error)")
    }
    context.close(promise: nil)
  }
}
