import NIOCore
import Primitives
import TLS

/// A connection that we made: hello, wait for the welcome, then frames out and pongs in.
final class DialledHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let core: LinkCore
  private let link: PeerLink
  private let attempt: Int
  private var decoder: FrameDecoder
  private var isWelcome: Bool = false
  private var error: (any Error)?
  private var timer: Scheduled<Void>?

  init(_ core: LinkCore, _ link: PeerLink, attempt: Int) {
    self.core = core
    self.link = link
    self.attempt = attempt
    decoder = FrameDecoder(limits: core.limits)
  }

  func channelActive(context: ChannelHandlerContext) {
    timer = core.later(core.limits.helloTimeout) { [weak self] in
      self?.end(context, LinkError(.silent, "The peer took the connection and did not answer the hello within its time."))
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
    let hello = Hello(
      clusterID: core.clusterID, from: core.local.member, to: link.peer.member, epoch: core.epoch, features: .own)
    context.writeAndFlush(wrapOutboundOut(Frame.hello(hello)), promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    guard error == nil else { return }
    decoder.append(&bytes)
    do throws(LinkError) {
      while error == nil, let event: FrameDecoder.Event = try decoder.next() { try on(event, context) }
    } catch {
      end(context, error)
    }
  }

  private func on(_ event: FrameDecoder.Event, _ context: ChannelHandlerContext) throws(LinkError) {
    switch event {
    case .welcome(let member, let features) where !isWelcome:
      guard member == link.peer.member else {
        throw LinkError(.wrongMember, "At \(link.peer.host):\(link.peer.port) answers member \(member), not \(link.peer.member).")
      }
      isWelcome = true
      timer?.cancel()
      core.welcomed(link, attempt: attempt, context.channel, features)
    case .pong(let token) where isWelcome: core.ponged(link, attempt: attempt, token)
    case .removal(let sentence):
      core.removed(sentence)
      throw LinkError(.removed, "Member \(link.peer.member) on \(link.peer.hostName) refuses us for good: \(sentence)")
    case .superseded(let proof):
      core.superseded(proof)
      throw LinkError(
        .superseded, "Member \(link.peer.member) on \(link.peer.hostName) is of a newer epoch of the cluster: survivors went on without us."
      )
    case .refusal(let sentence):
      throw LinkError(.refusedByPeer, "Member \(link.peer.member) on \(link.peer.hostName) refuses us: \(sentence)")
    default: throw LinkError(.badFrame, "The peer sent what has no place on a connection that we made.")
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, isWelcome, link.attempt == attempt { core.drain(link) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { end(context, error) }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    core.dialledConnectionEnded(link, attempt: attempt, error ?? LinkError(.silent, "The peer closed the connection."))
  }

  /// The first error is the reason; the others follow from it.
  private func end(_ context: ChannelHandlerContext, _ error: any Error) {
    guard self.error == nil else { return }
    self.error = error
    timer?.cancel()
    context.close(promise: nil)
  }
}
