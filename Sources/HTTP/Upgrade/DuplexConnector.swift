import NIOCore
import NIOPosix
import TLS

/// Makes connections for `DuplexStream`s.
public enum DuplexConnector {
  /// Throws `.connectFailed` with the target and the reason. `tls`: what it offers by ALPN must be what will be spoken.
  public static func connect(
    to target: HTTPClientConfiguration.Target, tls: TLSContext? = nil, serverName: String? = nil, timeout: Duration = .seconds(5),
    limits: HTTPLimits = HTTPLimits(), group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) async throws -> DuplexStream {
    let loop: any EventLoop = group.next()
    let ready: EventLoopPromise<DuplexStream> = loop.makePromise()
    let bootstrap = ClientBootstrap(group: loop).connectTimeout(.nanoseconds(timeout.nioNanoseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline: ChannelPipeline.SynchronousOperations = channel.pipeline.syncOperations
          if case .host(let host, _) = target {
            try channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            if let tls { try pipeline.addHandler(tls.makeHandler(serverName: serverName ?? host)) }
          }
          let duplex = DuplexHandler(limits: limits)
          var secure: Bool = false
          if case .host = target { secure = tls != nil }
          try pipeline.addHandler(DuplexGate(ready, duplex, secure: secure, target: "\(target)", timeout: timeout))
          try pipeline.addHandler(duplex)
        }
      }
    do {
      switch target {
      case .host(let host, let port): _ = try await bootstrap.connect(host: host, port: port).get()
      case .unix(let path): _ = try await bootstrap.connect(unixDomainSocketPath: path).get()
      }
    } catch {
      ready.fail(error)
    }
    do {
      return try await ready.futureResult.get()
    } catch let error as HTTPError {
      throw error
    } catch {
      throw HTTPError(.connectFailed, "Cannot connect to \(target).", cause: error)
    }
  }
}

/// Hands the stream out once the connection stands, under TLS after the handshake.
private final class DuplexGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  private var ready: EventLoopPromise<DuplexStream>?
  private let duplex: DuplexHandler
  private let secure: Bool
  private let target: String
  private let timeout: Duration
  private var timer: Scheduled<Void>?

  init(_ ready: EventLoopPromise<DuplexStream>, _ duplex: DuplexHandler, secure: Bool, target: String, timeout: Duration) {
    self.ready = ready
    self.duplex = duplex
    self.secure = secure
    self.target = target
    self.timeout = timeout
  }

  func channelActive(context: ChannelHandlerContext) {
    context.fireChannelActive()
    if !secure { return succeed(context) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    timer = context.eventLoop.scheduleTask(in: .nanoseconds(timeout.nioNanoseconds)) {
      let (gate, context) = bound.value
      gate.fail(HTTPError(.connectFailed, "The TLS handshake with \(gate.target) was not done within \(gate.timeout)."), context)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let completed = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    if completed.alpn == "h2" {
      return fail(HTTPError(.connectFailed, "\(target) agreed on HTTP/2, which cannot be upgraded; offer http/1.1 only."), context)
    }
    succeed(context)
  }

  private func succeed(_ context: ChannelHandlerContext) {
    timer?.cancel()
    ready?.succeed(duplex.stream(remoteAddress: target))
    ready = nil
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
    timer?.cancel()
    ready?.fail(error)
    ready = nil
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(HTTPError(.connectFailed, "Cannot connect to \(target).", cause: error), context)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(HTTPError(.connectFailed, "\(target) closed the connection while it was being set up."), context)
    context.fireChannelInactive()
  }
}
