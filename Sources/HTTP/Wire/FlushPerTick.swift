import NIOCore

/// Merges the flushes of one event-loop tick into one, for all streams of a connection: a system call per flush costs 7 to 12 µs
/// (`measured.md`), and TLS records are merged the same way since this sits above TLS.
final class FlushPerTick: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = Any
  typealias InboundOut = Any
  typealias OutboundIn = Any
  typealias OutboundOut = Any

  private var scheduled: Bool = false
  private var reading: Bool = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    reading = true
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    reading = false
    context.fireChannelReadComplete()
    flushNow(context)
  }

  func flush(context: ChannelHandlerContext) {
    guard !scheduled else { return }
    scheduled = true
    // While reading, the end of the read flushes.
    guard !reading else { return }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.execute {
      let (handler, context) = bound.value
      if !handler.reading { handler.flushNow(context) }
    }
  }

  private func flushNow(_ context: ChannelHandlerContext) {
    guard scheduled else { return }
    scheduled = false
    context.flush()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    flushNow(context)
    context.close(mode: mode, promise: promise)
  }

  /// What was flushed before and waits must not stay behind.
  func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
    flushNow(context)
    context.leavePipeline(removalToken: removalToken)
  }

  func handlerRemoved(context: ChannelHandlerContext) { scheduled = false }
}
