import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import TLS

/// Makes one connection: socket, TLS, and the handlers of the protocol that was agreed on.
struct ClientConnector: Sendable {
  enum Connection: Sendable {
    case http1(HTTP1ClientConnection)
    case http2(HTTP2ClientConnection)
  }
  let configuration: HTTPClientConfiguration
  let eventLoop: any EventLoop

  func connect(to target: HTTPClientConfiguration.Target) async throws -> Connection {
    let agreed: EventLoopPromise<Connection> = eventLoop.makePromise()
    let configuration: HTTPClientConfiguration = configuration
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(.nanoseconds(configuration.connectTimeout.nioNanoseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try Self.prepare(channel, configuration, target, agreed)
        }
      }
    do {
      switch target {
      case .host(let host, let port): _ = try await bootstrap.connect(host: host, port: port).get()
      case .unix(let path): _ = try await bootstrap.connect(unixDomainSocketPath: path).get()
      }
    } catch {
      agreed.fail(error)
    }
    do {
      return try await agreed.futureResult.get()
    } catch let error as HTTPError {
      throw error
    } catch {
      throw HTTPError(.connectFailed, "Cannot connect to \(target).", cause: error)
    }
  }

  private static func prepare(
    _ channel: any Channel, _ configuration: HTTPClientConfiguration, _ target: HTTPClientConfiguration.Target,
    _ agreed: EventLoopPromise<Connection>
  ) throws {
    let activity = ActivityMarker()
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    try pipeline.addHandler(activity)
    if case .host = target {
      // What HTTP/1.1 has instead of PING: the kernel probes an idle connection.
      try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
      try channel.syncOptions?.setOption(.tcpOption(.keepIdle), value: 5)
      try channel.syncOptions?.setOption(.tcpOption(.keepInterval), value: 2)
      try channel.syncOptions?.setOption(.tcpOption(.keepCount), value: 3)
    }
    if let tls: TLSContext = configuration.tls, case .host(let host, _) = target {
      try pipeline.addHandler(tls.makeHandler(serverName: configuration.serverName ?? host))
      try pipeline.addHandler(FlushPerTick())
      try pipeline.addHandler(ClientTLSGate(configuration, activity, agreed))
      return
    }
    let plain: HTTPClientConfiguration.Version
    switch (configuration.version, target) {
    case (.automatic, .unix): plain = .http2
    case (.automatic, .host): plain = .http1
    case (let version, _): plain = version
    }
    try pipeline.addHandler(FlushPerTick())
    let connection: Connection = try plain == .http2 ? addHTTP2(channel, configuration, activity) : addHTTP1(channel, configuration)
    try pipeline.addHandler(ConnectedSignal(agreed, connection))
  }

  static func addHTTP1(_ channel: any Channel, _ configuration: HTTPClientConfiguration) throws -> Connection {
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderListSize = configuration.limits.headerBytes
    limits.maxHeaderFieldSize = configuration.limits.headerBytes
    limits.maxHeaderFieldCount = configuration.limits.headerFields
    try pipeline.addHandler(HTTPRequestEncoder())
    try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)))
    let handler = HTTP1ClientHandler()
    try pipeline.addHandler(handler)
    return .http1(HTTP1ClientConnection(channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)))
  }

  static func addHTTP2(_ channel: any Channel, _ configuration: HTTPClientConfiguration, _ activity: ActivityMarker) throws -> Connection {
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    let fate = ConnectionFate()
    let keeper = HTTP2ClientKeeper(
      interval: configuration.keepAliveInterval, timeout: configuration.keepAliveTimeout, activity: activity,
      fate: fate)
    var limits: HTTPLimits = configuration.limits
    limits.streamsPerConnection = 0
    var connection: NIOHTTP2Handler.ConnectionConfiguration = limits.http2Connection
    // A client takes no pushed streams.
    connection.initialSettings.append(HTTP2Setting(parameter: .enablePush, value: 0))
    let http2 = NIOHTTP2Handler(
      mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection, streamConfiguration: limits.http2Stream,
      streamDelegate: KeeperDelegate(keeper: NIOLoopBound(keeper, eventLoop: channel.eventLoop))
    ) { stream in stream.close() }
    try pipeline.addHandler(http2)
    try pipeline.addHandler(keeper)
    return .http2(HTTP2ClientConnection(channel: channel, multiplexer: try http2.syncMultiplexer(), fate: fate))
  }
}

/// Tells the client that the connection stands, or why it does not.
final class ConnectedSignal: ChannelInboundHandler {
  typealias InboundIn = Any
  typealias InboundOut = Any
  private var agreed: EventLoopPromise<ClientConnector.Connection>?
  private let connection: ClientConnector.Connection

  init(_ agreed: EventLoopPromise<ClientConnector.Connection>, _ connection: ClientConnector.Connection) {
    self.agreed = agreed
    self.connection = connection
  }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { succeed() } }

  func channelActive(context: ChannelHandlerContext) {
    succeed()
    context.fireChannelActive()
  }

  private func succeed() {
    agreed?.succeed(connection)
    agreed = nil
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    agreed?.fail(error)
    agreed = nil
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    agreed?.fail(HTTPError(.connectFailed, "The server closed the connection while it was being set up."))
    agreed = nil
    context.fireChannelInactive()
  }
}
