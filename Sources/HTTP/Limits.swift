import Primitives

/// Everything in this module that can grow, with its limit. One value per listener or client; the defaults suit a center's
/// API servers.
public struct HTTPLimits: Sendable {
  /// Bytes of one request's or response's head, names and values together.
  public var headerBytes: Int = 64 * 1024
  /// Fields in one head.
  public var headerFields: Int = 256
  /// Connections a listener holds at once; more are closed as soon as they are accepted.
  public var connections: Int = 4096
  /// Concurrent HTTP/2 streams per connection (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 section 6.5.2).
  public var streamsPerConnection: Int = 2048
  /// HTTP/2 receive window per stream: what a peer may send before the body is read.
  public var streamWindow: Int = 256 * 1024
  /// HTTP/2 receive window per connection.
  public var connectionWindow: Int = 4 * 1024 * 1024
  /// Body bytes held for a reader that lags; reading from the wire pauses above it.
  public var bufferedBody: Int = 128 * 1024
  /// Response bytes held for a peer that does not read; writers suspend above it.
  public var bufferedResponse: Int = 128 * 1024
  /// Parts of pipelined HTTP/1.1 requests held while an earlier one is answered.
  public var pipelinedParts: Int = 64
  /// Body bytes of a refused HTTP/1.1 request that are read and dropped to keep the connection; more closes it.
  public var drainedBody: Int = 256 * 1024
  /// From accept, or from a request's first byte, to the end of its head: TLS handshake, preface and head (slow loris).
  public var headTimeout: Duration = .seconds(10)
  /// A connection without a request under way is closed after this.
  public var idleTimeout: Duration = .seconds(300)
  /// HTTP/2: a PING this often to a client that is silent, so that watches of a host that lost power do not stay for ever.
  public var keepAliveInterval: Duration = .seconds(20)
  /// Without an answer for this long the client is gone.
  public var keepAliveTimeout: Duration = .seconds(10)
  /// HTTP/1.1: longest silence inside a request's body while we are reading it.
  public var bodyTimeout: Duration = .seconds(60)
  /// RST_STREAM frames from one peer within `rateWindow`. A Go client under load cancels hundreds of calls a second; a rapid
  /// reset attack (CVE-2023-44487) sends tens of thousands.
  public var resetsPerWindow: Int = 10_000
  /// PING, SETTINGS and PRIORITY frames from one peer within `rateWindow`. Go's bandwidth probe sends one PING per round
  /// trip, thousands a second on loopback.
  public var controlFramesPerWindow: Int = 60_000
  public var rateWindow: Duration = .seconds(5)
  /// Stream errors a connection survives in its life.
  public var glitchesPerConnection: Int = 100_000

  public init() {}

  /// Stops a configuration that cannot work, with the values in the message.
  public func check() {
    precondition(streamWindow >= 65_535, "streamWindow \(streamWindow) is below HTTP/2's initial window of 65535 bytes")
    precondition(
      connectionWindow >= streamWindow, "connectionWindow \(connectionWindow) is below streamWindow \(streamWindow): one stream would stall"
    )
    precondition(headerBytes >= 4096, "headerBytes \(headerBytes) refuses ordinary clients")
    precondition(bufferedBody > 0 && bufferedResponse > 0, "a body buffer of nothing cannot move a body")
  }
}

extension Duration {
  /// For NIO's timers.
  var nioNanoseconds: Int64 { inNanoseconds }
}
