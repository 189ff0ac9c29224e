import NIOCore

/// One end of a connection that is copied to another; both ends live on one event loop. Reads wait while the other end cannot write.
final class CopyHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var partner: CopyHandler?
  private var context: ChannelHandlerContext?
  private var wantsRead: Bool = false

  static func pair() -> (CopyHandler, CopyHandler) {
    let (one, other) = (CopyHandler(), CopyHandler())
    one.partner = other
    other.partner = one
    return (one, other)
  }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let other: ChannelHandlerContext = partner?.context else { return }
    other.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
  }
  func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }
  func channelInactive(context: ChannelHandlerContext) { partner?.context?.close(promise: nil) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable, let partner, partner.wantsRead else { return }
    partner.wantsRead = false
    partner.context?.read()
  }
  func read(context: ChannelHandlerContext) {
    if partner?.context?.channel.isWritable ?? true { context.read() } else { wantsRead = true }
  }
}
