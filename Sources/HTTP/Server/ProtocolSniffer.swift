import NIOCore

/// On a listener without TLS: HTTP/2 with prior knowledge if the connection begins with its preface (RFC 9113 section 3.4),
/// HTTP/1.1 otherwise. Holds at most the preface's 24 bytes and one read.
final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  static let preface: [UInt8] = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  private let server: ServerContext
  private let deadline: Deadline
  private var seen: ByteBuffer = ByteBuffer()
  private var decided: Bool = false

  init(server: ServerContext, eventLoop: any EventLoop) {
    self.server = server
    deadline = Deadline(eventLoop: eventLoop)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((context, server), eventLoop: context.eventLoop)
    deadline.onExpiry { reason in
      let (context, server) = bound.value
      server.refusals.refused(server.remoteAddress, reason ?? "silent")
      context.close(promise: nil)
    }
    deadline.set(server.limits.headTimeout, "nothing that tells its protocol within \(server.limits.headTimeout)")
  }

  func handlerRemoved(context: ChannelHandlerContext) { deadline.end() }

  func channelInactive(context: ChannelHandlerContext) {
    deadline.end()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    guard !decided else { return context.fireChannelRead(data) }
    seen.writeBuffer(&bytes)
    let start: ArraySlice<UInt8> = Self.preface.prefix(seen.readableBytes)
    let matches: Bool = seen.readableBytesView.prefix(start.count).elementsEqual(start)
    if matches, start.count < Self.preface.count { return }
    decided = true
    deadline.end()
    do {
      if matches {
        try ServerPipeline.addHTTP2(server, to: context.channel)
      } else {
        try ServerPipeline.addHTTP1(server, to: context.pipeline.syncOperations, eventLoop: context.eventLoop)
      }
    } catch {
      server.refusals.refused(server.remoteAddress, "the pipeline could not be built: \(error)")
      return context.close(promise: nil)
    }
    context.fireChannelRead(wrapInboundOut(seen))
    seen = ByteBuffer()
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    deadline.end()
    context.close(promise: nil)
  }
}
