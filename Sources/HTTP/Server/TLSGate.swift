import NIOCore
import TLS

/// Waits for the handshake, then lays the pipeline of the protocol that ALPN chose (RFC 7301). A client that names none is told
/// by its first bytes. Failed handshakes are logged by the TLS handler, once per peer.
final class TLSGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let server: ServerContext

  init(server: ServerContext) { self.server = server }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let completed = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    var server: ServerContext = server
    server.peer = completed.peer
    server.secure = true
    do {
      let pipeline: ChannelPipeline.SynchronousOperations = context.pipeline.syncOperations
      switch completed.alpn {
      case "h2": try ServerPipeline.addHTTP2(server, to: context.channel)
      case "http/1.1": try ServerPipeline.addHTTP1(server, to: pipeline, eventLoop: context.eventLoop)
      case nil: try pipeline.addHandler(ProtocolSniffer(server: server, eventLoop: context.eventLoop))
      case .some(let other):
        server.refusals.refused(server.remoteAddress, "ALPN agreed on \(other), which this listener does not speak")
        return context.close(promise: nil)
      }
      pipeline.removeHandler(self, promise: nil)
    } catch {
      server.refusals.refused(server.remoteAddress, "the pipeline could not be built: \(error)")
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
