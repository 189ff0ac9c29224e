import NIOCore
import NIOHTTP1
import NIOHTTP2
import TLS

/// The handlers that follow once a connection's protocol is known.
///
///     socket ─ [TLS] ─┬─ FlushPerTick ─ HTTP/1.1 decoder ─ HTTP1ServerConnection
///                     ├─ HTTP2ServerConnection, which merges its flushes itself
///                     └─ FlushPerTick ─ NIOHTTP2Handler ─ connection management ─ NIOHTTP2ConnectionEnd
///                                             └─ per stream: NIOHTTP2ServerStream
enum ServerPipeline {
  static func addHTTP1(_ server: ServerContext, to pipeline: ChannelPipeline.SynchronousOperations, eventLoop: any EventLoop) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderListSize = server.limits.headerBytes
    limits.maxHeaderFieldSize = server.limits.headerBytes
    limits.maxHeaderFieldCount = server.limits.headerFields
    let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
    try pipeline.addHandler(decoder)
    try pipeline.addHandler(HTTP1ServerConnection(server: server, eventLoop: eventLoop))
  }

  static func addHTTP2(_ server: ServerContext, to channel: any Channel) throws {
    switch server.http2 {
    case .own:
      let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
      if let merger: FlushPerTick = try? pipeline.handler(type: FlushPerTick.self) { pipeline.removeHandler(merger, promise: nil) }
      try pipeline.addHandler(HTTP2ServerConnection(server: server, eventLoop: channel.eventLoop))
    case .nio: try addNIOHTTP2(server, to: channel)
    }
  }

  private static func addNIOHTTP2(_ server: ServerContext, to channel: any Channel) throws {
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(
        maxIdleTime: .nanoseconds(server.limits.idleTimeout.nioNanoseconds), maxAge: nil, maxGraceTime: nil,
        keepalive: .init(
          pingInterval: .nanoseconds(server.limits.keepAliveInterval.nioNanoseconds),
          ackTimeout: .nanoseconds(server.limits.keepAliveTimeout.nioNanoseconds))))
    let end = NIOHTTP2ConnectionEnd(server: server)
    let streams = StreamCounter(management: management.http2StreamDelegate, end: NIOLoopBound(end, eventLoop: channel.eventLoop))
    let http2 = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: server.limits.http2Connection,
      streamConfiguration: server.limits.http2Stream, streamDelegate: streams
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.pipeline.syncOperations.addHandler(NIOHTTP2ServerStream(server: server, eventLoop: stream.eventLoop))
      }
    }
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    try pipeline.addHandler(http2)
    try pipeline.addHandler(management)
    try pipeline.addHandler(end)
  }
}

/// Tells both who manages the connection and its end of new streams.
private struct StreamCounter: NIOHTTP2StreamDelegate {
  let management: NIOHTTP2ServerConnectionManagementHandler.HTTP2StreamDelegate
  let end: NIOLoopBound<NIOHTTP2ConnectionEnd>
  func streamCreated(_ id: HTTP2StreamID, channel: any Channel) {
    end.value.streamCreated()
    management.streamCreated(id, channel: channel)
  }
  func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { management.streamClosed(id, channel: channel) }
}

/// The end of the pipeline of a NIOHTTP2 connection: closes it on errors, once, with the reason in the log, and when it never opens
/// a stream (the management handler counts idleness only from the end of one).
final class NIOHTTP2ConnectionEnd: ChannelInboundHandler {
  typealias InboundIn = HTTP2Frame

  private let server: ServerContext
  private var refused: Bool = false
  private var firstStream: Deadline?

  init(server: ServerContext) { self.server = server }

  func handlerAdded(context: ChannelHandlerContext) {
    let deadline = Deadline(eventLoop: context.eventLoop)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline.onExpiry { _ in bound.value.close(promise: nil) }
    deadline.set(server.limits.idleTimeout, nil)
    firstStream = deadline
  }

  func streamCreated() {
    firstStream?.end()
    firstStream = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    streamCreated()
    context.fireChannelInactive()
  }

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
