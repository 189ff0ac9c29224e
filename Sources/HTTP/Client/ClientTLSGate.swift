import NIOCore
import TLS

/// Waits for the handshake, then lays the pipeline of the protocol that was agreed on.
final class ClientTLSGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  private let configuration: HTTPClientConfiguration
  private let activity: ActivityMarker
  private var agreed: EventLoopPromise<ClientConnector.Connection>?

  init(_ configuration: HTTPClientConfiguration, _ activity: ActivityMarker, _ agreed: EventLoopPromise<ClientConnector.Connection>) {
    self.configuration = configuration
    self.activity = activity
    self.agreed = agreed
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let completed = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    do {
      let useHTTP2: Bool =
        switch (completed.alpn, configuration.version) {
        case ("h2", .automatic), ("h2", .http2), (nil, .http2): true
        case ("http/1.1", .automatic), ("http/1.1", .http1), (nil, .automatic), (nil, .http1): false
        default:
          throw HTTPError(
            .connectFailed,
            "The server agreed on \(completed.alpn ?? "no protocol"), which this client is set not to speak (\(configuration.version)).")
        }
      let connection: ClientConnector.Connection =
        try useHTTP2
        ? ClientConnector.addHTTP2(context.channel, configuration, activity) : ClientConnector.addHTTP1(context.channel, configuration)
      agreed?.succeed(connection)
      agreed = nil
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    } catch {
      fail(error)
      context.close(promise: nil)
    }
  }

  private func fail(_ error: any Error) {
    agreed?.fail(error)
    agreed = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(HTTPError(.connectFailed, "The server closed the connection during the TLS handshake."))
    context.fireChannelInactive()
  }
}
