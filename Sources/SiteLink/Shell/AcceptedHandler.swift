import NIOCore
import Primitives
import TLS

/// A connection that a peer made: its hello, our welcome, then its frames and our pongs.
final class AcceptedHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let core: LinkCore
  private let address: String
  private var decoder: FrameDecoder
  private var identity: PeerIdentity?
  private var link: PeerLink?
  private var isHalfOpen: Bool = true
  private var isOver: Bool = false
  private var mustFlush: Bool = false
  /// A tool said hello; its request comes next.
  private var caller: LinkCaller?
  private var timer: Scheduled<Void>?

  init(_ core: LinkCore, address: String) {
    self.core = core
    self.address = address
    decoder = FrameDecoder(limits: core.limits)
    core.halfOpen[address, default: 0] += 1
  }

  func handlerAdded(context: ChannelHandlerContext) {
    timer = core.later(core.limits.helloTimeout) { [weak self] in
      self?.end(context, LinkError(.silent, "The connection was half open: no hello came in time."))
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    isOver = true
    leaveHalfOpen()
    if let link { core.acceptedConnectionEnded(link, context.channel) }
  }

  private func leaveHalfOpen() {
    timer?.cancel()
    guard isHalfOpen else { return }
    isHalfOpen = false
    core.leftHalfOpen(address)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    identity = event.peer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    guard !isOver else { return }
    decoder.append(&bytes)
    do throws(LinkError) {
      while !isOver, let event: FrameDecoder.Event = try decoder.next() { try on(event, context) }
    } catch {
      // The peer has it in its own log, too, instead of a connection that closes without a word.
      let answer: ByteBuffer =
        error.code == .superseded
        ? Frame.superseded(Bytes(core.proof().prefix(core.limits.chunkBytes)))
        : Frame.refusal(error.message, isRemoval: error.code == .removed)
      context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
      end(context, error)
    }
  }

  private func on(_ event: FrameDecoder.Event, _ context: ChannelHandlerContext) throws(LinkError) {
    guard let link else {
      if let caller { return try take(event, from: caller, context) }
      guard case .hello(let hello) = event else { throw LinkError(.badFrame, "The first frame was not a hello.") }
      if hello == .question { return answer(context) }
      if hello == .command {
        guard let process: IdentityURI = identity?.process else {
          throw LinkError(.wrongCertificate, "The certificate names no process.")
        }
        caller = LinkCaller(center: process.center, host: process.host)
        return
      }
      let link: PeerLink = try core.judge(hello, identity)
      self.link = link
      leaveHalfOpen()
      context.write(wrapOutboundOut(Frame.welcome(core.local.member, hello.features == nil ? nil : .own)), promise: nil)
      mustFlush = true
      core.accepted(link, context.channel)
      return
    }
    // Its close is on its way.
    if link.isRemoved { return }
    switch event {
    case .message(_, let frame):
      link.bytesIn += Int64(frame.readableBytes)
      core.receive(link.peer.member, frame)
    case .ping(let token):
      context.write(wrapOutboundOut(Frame.pong(token)), promise: nil)
      mustFlush = true
    default: throw LinkError(.badFrame, "The peer sent what has no place on a connection that it made.")
    }
  }

  /// TLS has made sure that a store of the federation asks.
  private func answer(_ context: ChannelHandlerContext) {
    var buffer = ByteBuffer()
    Frame.writeChunk(ByteBuffer(bytes: core.introduction().prefix(core.limits.chunkBytes)), .normal, isLast: true, to: &buffer)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    close(context)
  }

  private func take(_ event: FrameDecoder.Event, from caller: LinkCaller, _ context: ChannelHandlerContext) throws(LinkError) {
    guard case .message(_, let request) = event else { throw LinkError(.badFrame, "A command is one message.") }
    leaveHalfOpen()
    isOver = true
    let (channel, chunkBytes): (any Channel, Int) = (context.channel, core.limits.chunkBytes)
    core.command(Bytes(request.readableBytesView), caller) { answer in
      channel.writeAndFlush(Frame.message(answer, chunkBytes)).whenComplete { _ in channel.close(promise: nil) }
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if mustFlush {
      mustFlush = false
      context.flush()
    }
    context.fireChannelReadComplete()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // TLS has logged its own refusals; a welcome peer that goes without close_notify is news only to the one that dials.
    if error is TLSError { close(context) } else { end(context, error) }
  }

  private func end(_ context: ChannelHandlerContext, _ error: any Error) {
    guard !isOver else { return }
    core.refused(context.remoteAddress, error)
    close(context)
  }

  private func close(_ context: ChannelHandlerContext) {
    isOver = true
    leaveHalfOpen()
    context.close(promise: nil)
  }
}
