import Logging
import NIOCore
import TLS

/// What every connection of a listener shares, and what one connection knows of its peer.
struct ServerContext: Sendable {
  var router: StreamRouter?
  var responder: any Responder
  var limits: HTTPLimits
  var http2: HTTPServerConfiguration.HTTP2Codec
  var logger: Logger
  var refusals: RefusalLog
  var secure: Bool
  var peer: PeerIdentity?
  var remoteAddress: String

  func makeHandler(for head: StreamHead) -> any StreamHandler {
    router?(head) ?? ResponderStream(responder: responder, limits: limits, logger: logger)
  }
}
