import Logging
import NIOCore
import NIOPosix
import Primitives
import TLS

extension SiteLink {
  /// Asks a member at an address what it tells those who are no members yet (`introduction`), over mutual TLS: for a member that was added
  /// by its address and does not know its id. Throws `LinkError`.
  /// With `request` it is a command, which the member carries out first (`command`), for at most `patience`.
  public static func ask(
    host: String, port: Int, request: Bytes? = nil, patience: Duration? = nil, tls: LinkTLS, eventLoop: any EventLoop,
    limits: LinkLimits = LinkLimits()
  ) async throws -> Bytes {
    limits.check()
    let answer: EventLoopPromise<Bytes> = eventLoop.makePromise(of: Bytes.self)
    let bootstrap = ClientBootstrap(group: eventLoop)
      .connectTimeout(.nanoseconds(limits.connectTimeout.inNanoseconds))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandlers([tls.dialling(host), QuestionHandler(request, answer, limits)])
        }
      }
    let options: ClientBootstrap = SocketTuning.apply(to: bootstrap, silence: limits.silence)
    let connecting: EventLoopFuture<any Channel>
    if let address = try? SocketAddress(ipAddress: host, port: port) {
      connecting = options.connect(to: address)
    } else {
      connecting = options.connect(host: host, port: port)
    }
    connecting.whenFailure { error in
      answer.fail(LinkError(.cannotConnect, "Cannot connect to the member at \(host):\(port): \(error)", cause: error))
    }
    let timer: Scheduled<Void> = eventLoop.scheduleTask(in: .nanoseconds((patience ?? limits.helloTimeout).inNanoseconds)) {
      answer.fail(LinkError(.silent, "The member at \(host):\(port) did not answer within \(patience ?? limits.helloTimeout)."))
    }
    defer { timer.cancel() }
    do { return try await answer.futureResult.get() } catch {
      connecting.whenSuccess { $0.close(promise: nil) }
      throw error
    }
  }
}

/// One question, one answer.
private final class QuestionHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let request: Bytes?
  private let limits: LinkLimits
  private let answer: EventLoopPromise<Bytes>
  private var decoder: FrameDecoder

  init(_ request: Bytes?, _ answer: EventLoopPromise<Bytes>, _ limits: LinkLimits) {
    self.request = request
    self.limits = limits
    self.answer = answer
    decoder = FrameDecoder(limits: limits)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    guard let request else { return context.writeAndFlush(wrapOutboundOut(Frame.hello(.question)), promise: nil) }
    context.write(wrapOutboundOut(Frame.hello(.command)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(Frame.message(request, limits.chunkBytes)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    decoder.append(&bytes)
    do throws(LinkError) {
      guard let event: FrameDecoder.Event = try decoder.next() else { return }
      switch event {
      case .message(_, let buffer): answer.succeed(Bytes(buffer.readableBytesView))
      case .refusal(let sentence), .removal(let sentence): throw LinkError(.refusedByPeer, "The member refuses to answer: \(sentence)")
      default: throw LinkError(.badFrame, "The peer sent what is no answer to our question.")
      }
    } catch { answer.fail(error) }
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    answer.fail(error)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    answer.fail(LinkError(.silent, "The member closed the connection without an answer."))
  }
}
