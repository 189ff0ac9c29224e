import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TLS

/// A listener: HTTP/1.1 and HTTP/2 on one port, chosen by ALPN under TLS and by HTTP/2's preface without. Requests go to the
/// router's `StreamHandler` on the connection's event loop, or to the `Responder` on a task of their own.
///
///     let server = HTTPServer(configuration, responder: api)
///     try await server.run()          // until the task is cancelled, then GOAWAY and at most `grace`
public final class HTTPServer: Sendable {
  private let configuration: HTTPServerConfiguration
  private let responder: any Responder
  private let router: StreamRouter?
  private let registry: ConnectionRegistry
  private let listening: Mutex<(any Channel)?> = Mutex(nil)

  public init(_ configuration: HTTPServerConfiguration, streams: StreamRouter? = nil, responder: any Responder) {
    configuration.limits.check()
    self.configuration = configuration
    self.responder = responder
    router = streams
    registry = ConnectionRegistry(limit: configuration.limits.connections)
  }

  /// Binds and accepts. Throws `.bindFailed` with the address and the system's reason.
  public func start() async throws {
    let context = ServerContext(
      router: router, responder: responder, limits: configuration.limits, http2: configuration.http2, logger: configuration.logger,
      refusals: RefusalLog(logger: configuration.logger), secure: false, peer: nil, remoteAddress: "")
    let registry: ConnectionRegistry = registry
    let (tls, verify): (TLSContext?, PeerVerification?) = (configuration.tls, configuration.verifyPeer)
    let bootstrap = ServerBootstrap(group: configuration.group)
      .serverChannelOption(.backlog, value: 512)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.maxMessagesPerRead, value: 16)
      .childChannelOption(.allowRemoteHalfClosure, value: false)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try Self.prepare(channel, context, registry, tls.map { $0.makeHandler(verify: verify) })
        }
      }
    do {
      let channel: any Channel
      switch configuration.address {
      case .host(let host, let port):
        channel = try await bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
          .childChannelOption(.socketOption(.so_keepalive), value: 1).childChannelOption(.tcpOption(.keepIdle), value: 20)
          .childChannelOption(.tcpOption(.keepInterval), value: 5).childChannelOption(.tcpOption(.keepCount), value: 3)
          .bind(host: host, port: port).get()
      case .unix(let path):
        channel = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      }
      listening.withLock { $0 = channel }
    } catch {
      throw HTTPError(.bindFailed, "Cannot listen on \(configuration.address).", cause: error)
    }
  }

  private static func prepare(
    _ channel: any Channel, _ shared: ServerContext, _ registry: ConnectionRegistry, _ tls: TLSHandler?
  ) throws {
    var context: ServerContext = shared
    context.remoteAddress = channel.remoteAddress.map(describe) ?? "unknown"
    guard registry.add(channel) else {
      context.refusals.refused(context.remoteAddress, "more connections than the listener's limit, or it is stopping")
      channel.close(promise: nil)
      return
    }
    let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
    if let tls { try pipeline.addHandler(tls) }
    try pipeline.addHandler(FlushPerTick())
    if tls != nil {
      try pipeline.addHandler(TLSGate(server: context))
    } else {
      try pipeline.addHandler(ProtocolSniffer(server: context, eventLoop: channel.eventLoop))
    }
  }

  private static func describe(_ address: SocketAddress) -> String {
    if let ip: String = address.ipAddress, let port: Int = address.port {
      return address.protocol == .inet6 ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
    return "unix"
  }

  /// Nil before `start` and on unix sockets.
  public var port: Int? { listening.withLock { $0?.localAddress?.port } }

  /// Connections now.
  public var connections: Int { registry.count }

  /// Stops accepting, tells connections to finish, closes the rest after the grace.
  public func shutdown() async {
    let channel: (any Channel)? = listening.withLock { listening in
      defer { listening = nil }
      return listening
    }
    guard let channel else { return }
    try? await channel.close().get()
    if case .unix(let path) = configuration.address { unlink(path) }
    registry.drain()
    let registry: ConnectionRegistry = registry
    let timer: Scheduled<Void> = configuration.group.next().scheduleTask(in: .nanoseconds(configuration.grace.nioNanoseconds)) {
      registry.closeAll()
    }
    await registry.whenEmpty()
    timer.cancel()
  }

  /// Serves until the task is cancelled.
  public func run() async throws {
    if listening.withLock({ $0 == nil }) { try await start() }
    guard let closed: EventLoopFuture<Void> = listening.withLock({ $0?.closeFuture }) else { return }
    await withTaskCancellationHandler {
      _ = try? await closed.get()
    } onCancel: {
      Task { await self.shutdown() }
    }
    await registry.whenEmpty()
  }
}
