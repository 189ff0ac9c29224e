import Logging
import NIOCore
import NIOPosix
import TLS

public struct HTTPServerConfiguration: Sendable {
  /// What a TLS context for HTTP offers, in order of preference.
  public static let applicationProtocols: [String] = ["h2", "http/1.1"]

  public enum Address: Sendable {
    /// A host name or address, and a port; 0 takes any free one.
    case host(String, port: Int)
    /// A socket file; one that a dead process left behind is replaced.
    case unix(path: String)
  }
  public var address: Address
  /// Nil: no TLS. ALPN of the context should be `HTTPServerConfiguration.applicationProtocols`; without ALPN the first bytes decide.
  public var tls: TLSContext?
  /// Judges a client's certificate that TLS has found valid, within the handshake: nil to accept, or the reason for refusing it. Without
  /// it, everybody with a certificate of the context's authorities may ask, and the responder decides.
  public var verifyPeer: PeerVerification?
  public var limits: HTTPLimits
  /// Who speaks HTTP/2 on this listener's connections.
  public enum HTTP2Codec: Sendable {
    /// `HTTP2Connection`: our own.
    case own
    /// NIOHTTP2: the oracle that the tests compare with, and the way back should a client be found that ours does not suit.
    case nio
  }
  public var http2: HTTP2Codec = .own
  /// Event loops for this listener's connections. Give one loop where handlers share it with what they serve (`Store`).
  public var group: any EventLoopGroup
  public var logger: Logger
  /// Time that requests under way get at `shutdown`.
  public var grace: Duration

  public init(
    address: Address, tls: TLSContext? = nil, verifyPeer: PeerVerification? = nil, limits: HTTPLimits = HTTPLimits(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    logger: Logger = Logger(label: "http.server"), grace: Duration = .seconds(5)
  ) {
    self.address = address
    self.tls = tls
    self.verifyPeer = verifyPeer
    self.limits = limits
    self.group = group
    self.logger = logger
    self.grace = grace
  }
}
