import Logging
import NIOCore
import NIOPosix
import TLS

public struct HTTPClientConfiguration: Sendable {
  public enum Target: Hashable, Sendable {
    case host(String, port: Int)
    case unix(path: String)
  }
  public enum Version: Sendable {
    /// With TLS what ALPN says; without, HTTP/1.1 over TCP and HTTP/2 over unix sockets.
    case automatic
    /// HTTP/2 from the first byte (h2c).
    case http2
    case http1
  }
  /// Tried in order; the one that worked last is tried first.
  public var targets: [Target]
  public var version: Version
  /// Nil: no TLS. With `applicationProtocols` of `HTTPServerConfiguration` the protocol is negotiated. Not used on unix sockets.
  public var tls: TLSContext?
  /// The name or address that the server's certificate must carry; nil: the target's host.
  public var serverName: String?
  public var limits: HTTPLimits
  /// For one target: name resolution, connection and TLS handshake together.
  public var connectTimeout: Duration = .seconds(3)
  /// From the request's end to the response's head; nil waits for ever. Watches answer their head at once.
  public var responseTimeout: Duration?
  /// HTTP/1.1 connections at most; requests over it wait in turn.
  public var http1Connections: Int = 32
  /// Requests that wait for a connection at most.
  public var waitingRequests: Int = 4096
  /// HTTP/2: a PING after so long without a byte while streams are open. A host that lost power sends no RST; without this its watchers
  /// would wait for TCP's 15 minutes.
  public var keepAliveInterval: Duration = .seconds(1)
  /// No byte at all for this long after a PING: the connection is dead and its streams fail with `.connectionLost`. Time in which this
  /// process did not get to run does not count.
  public var keepAliveTimeout: Duration = .seconds(2)
  public var group: any EventLoopGroup
  public var logger: Logger

  public init(
    targets: [Target], tls: TLSContext? = nil, version: Version = .automatic, limits: HTTPLimits = HTTPLimits(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger = Logger(label: "http.client")
  ) {
    precondition(!targets.isEmpty, "a client needs at least one target")
    self.targets = targets
    self.version = version
    self.tls = tls
    self.limits = limits
    self.group = group
    self.logger = logger
  }
}
