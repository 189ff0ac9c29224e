import NIOCore
import TLS

/// The shell of `HTTP2Connection`: carries bytes between channel and codec, events to the handlers of the streams, and looks at the
/// clock. Everything that is written within a tick of the loop leaves in one flush.
final class HTTP2ServerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let server: ServerContext
  private let eventLoop: any EventLoop
  private var codec: HTTP2Connection
  /// By slot; nil once both sides of the stream have ended.
  private var writers: [HTTP2StreamWriter?] = []
  private var context: ChannelHandlerContext?
  /// Events are being handed out, or bytes written: the end of that flushes.
  private var isBusy: Bool = false
  private var isReading: Bool = false
  private var tickScheduled: Bool = false
  private var closing: Bool = false
  /// By the client's fault.
  private var isBroken: Bool = false
  /// Our half is being closed: nothing is read or written any more.
  private var isEnding: Bool = false
  private var clock: HTTP2ConnectionClock
  private var timer: Scheduled<Void>?

  init(server: ServerContext, eventLoop: any EventLoop) {
    self.server = server
    self.eventLoop = eventLoop
    codec = HTTP2Connection(limits: server.limits, peer: server.peer, remoteAddress: server.remoteAddress)
    clock = HTTP2ConnectionClock(limits: server.limits)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    arm()
    tickSoon()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    timer?.cancel()
    timer = nil
  }

  // MARK: in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding else { return }
    isReading = true
    codec.receive(unwrapInboundIn(data), now: eventLoop.now.uptimeNanoseconds)
    dispatch()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    tick()
    context.fireChannelReadComplete()
  }

  private func dispatch() {
    guard !isBusy else { return }
    isBusy = true
    while context != nil, let event: HTTP2Connection.Event = codec.next() { on(event) }
    isBusy = false
  }

  private func on(_ event: HTTP2Connection.Event) {
    switch event {
    case .request(let slot, let head, let end): begin(slot, head, end)
    case .data(let slot, let bytes, let end):
      guard let writer: HTTP2StreamWriter = writers[slot] else { return }
      if end { writer.inputEnded = true }
      writer.handler?.onData(bytes)
      if end { finishInput(writer) }
    case .end(let slot):
      guard let writer: HTTP2StreamWriter = writers[slot] else { return }
      writer.inputEnded = true
      finishInput(writer)
    case .aborted(let slot, let reason):
      guard let writer: HTTP2StreamWriter = writers[slot] else { return }
      writers[slot] = nil
      writer.abort(HTTPError(.connectionLost, "The stream of the client \(server.remoteAddress) broke: \(reason)."))
    case .writable(let slot): writers[slot]?.handler?.onWritable()
    case .refused(let reason): server.refusals.refused(server.remoteAddress, "HTTP/2: \(reason)")
    case .pong: break
    case .drained: closing = true
    case .failed(let code, let reason):
      closing = true
      isBroken = true
      server.refusals.refused(server.remoteAddress, "HTTP/2 error: \(reason) (\(code))")
    }
  }

  private func begin(_ slot: Int, _ head: StreamHead, _ end: Bool) {
    let handler: any StreamHandler = server.makeHandler(for: head)
    let writer = HTTP2StreamWriter(connection: self, eventLoop: eventLoop, slot: slot, handler: handler)
    while writers.count <= slot { writers.append(nil) }
    writers[slot] = writer
    writer.inputEnded = end
    writer.isHead = head.method == "HEAD"
    handler.onHeaders(head, writer: writer)
    if end { finishInput(writer) }
  }

  private func finishInput(_ writer: HTTP2StreamWriter) {
    guard let handler: any StreamHandler = writer.handler else { return }
    handler.onEnd()
    writer.inputTold = true
    if writer.outputEnded { forget(writer) }
  }

  /// Both sides have ended. The slot may be another stream's by now.
  private func forget(_ writer: HTTP2StreamWriter) {
    writer.handler = nil
    writer.connection = nil
    if writer.slot < writers.count, writers[writer.slot] === writer { writers[writer.slot] = nil }
  }

  // MARK: for the writers

  func send(_ writer: HTTP2StreamWriter, _ block: FieldBlock, end: Bool) {
    if end { writer.outputEnded = true }
    // Nothing may follow: END_STREAM is on the head.
    let isWhole: Bool = !block.isInformational && (writer.isHead || block.isBodyless)
    if isWhole { writer.isWhole = true }
    codec.sendHead(writer.slot, block, end: end || isWhole)
    afterCommand(writer)
  }

  func sendData(_ writer: HTTP2StreamWriter, _ bytes: ByteBuffer) {
    codec.sendData(writer.slot, bytes)
    tickSoon()
  }

  func sendEnd(_ writer: HTTP2StreamWriter, _ trailers: FieldBlock?) {
    writer.outputEnded = true
    if !writer.isWhole { codec.sendEnd(writer.slot, trailers: trailers) }
    afterCommand(writer)
  }

  private func afterCommand(_ writer: HTTP2StreamWriter) {
    if writer.outputEnded, writer.inputTold { forget(writer) }
    tickSoon()
  }

  func reset(_ writer: HTTP2StreamWriter) {
    codec.reset(writer.slot, .internalError)
    writer.outputEnded = true
    forget(writer)
    tickSoon()
  }

  func isWritable(_ writer: HTTP2StreamWriter) -> Bool { codec.isWritable(writer.slot) }
  func pause(_ writer: HTTP2StreamWriter) { codec.pause(writer.slot) }

  func resume(_ writer: HTTP2StreamWriter) {
    codec.resume(writer.slot)
    tickSoon()
  }

  // MARK: out

  private func tickSoon() {
    guard !isReading, !isBusy, !tickScheduled, context != nil else { return }
    tickScheduled = true
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    eventLoop.execute { bound.value.scheduledTick() }
  }

  private func scheduledTick() {
    tickScheduled = false
    if !isReading { tick() }
  }

  /// Hands out what is due and writes what has gathered. A few rounds, since handlers that may write again do; then the loop gets
  /// its turn.
  private func tick() {
    guard !isBusy, !isEnding, let context else { return }
    for _ in 0..<4 {
      dispatch()
      codec.finishTick()
      dispatch()
      isBusy = true
      let wrote: Bool = write(context)
      isBusy = false
      guard wrote, self.context != nil else { break }
      codec.maySend = context.channel.isWritable
      guard codec.canPump || codec.hasNotices else { break }
    }
    if closing { return close() }
    if codec.canPump || codec.hasNotices { tickSoon() }
  }

  private func write(_ context: ChannelHandlerContext) -> Bool {
    guard var output: HTTP2Connection.Output = codec.takeOutput() else { return false }
    for segment in output.segments { context.write(wrapOutboundOut(segment), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(output.last), promise: nil)
    codec.reuse(&output.last)
    return true
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    codec.maySend = context.channel.isWritable
    if codec.maySend { tickSoon() }
    context.fireChannelWritabilityChanged()
  }

  // MARK: life

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is ChannelShouldQuiesceEvent {
      codec.drain()
      tickSoon()
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // TLS says for itself what it refused, and a close without close_notify is a client's bad manners.
    if !closing, !(error is TLSError) { server.refusals.refused(server.remoteAddress, "HTTP/2 connection: \(error)") }
    closing = true
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    closing = true
    timer?.cancel()
    timer = nil
    self.context = nil
    let left: [HTTP2StreamWriter] = writers.compactMap { $0 }
    writers.removeAll()
    let error = HTTPError(.connectionLost, "The client \(server.remoteAddress) closed the connection.")
    for writer in left { writer.abort(error) }
    context.fireChannelInactive()
  }

  /// Closing at once would drop what the socket has not taken, and reset the connection under a GOAWAY that was not read yet: our half
  /// is closed behind the last write, the whole when the client closes its own or does not in time.
  private func close() {
    guard let context, !isEnding else { return }
    isBusy = true
    _ = write(context)
    isBusy = false
    guard self.context != nil else { return }
    isEnding = true
    // A client that reads slowly may have the rest of its last response; one that broke the rules is owed nothing.
    closeAfter(isBroken ? HTTP2Limits.linger : server.limits.bodyTimeout)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    let written: EventLoopPromise<Void> = eventLoop.makePromise()
    written.futureResult.whenSuccess { bound.value.closeOutput() }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
  }

  private func closeOutput() {
    guard let context, context.channel.isActive else { return }
    context.close(mode: .output, promise: nil)
    closeAfter(HTTP2Limits.linger)
  }

  private func closeAfter(_ time: Duration) {
    timer?.cancel()
    guard self.context != nil else { return }
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(in: .nanoseconds(time.nioNanoseconds)) { bound.value.closeNow() }
  }

  private func closeNow() { context?.close(promise: nil) }

  private func arm() {
    let due: NIODeadline = eventLoop.now + .nanoseconds(clock.step)
    let bound = NIOLoopBound(self, eventLoop: eventLoop)
    timer = eventLoop.scheduleTask(deadline: due) { bound.value.onTimer(due) }
  }

  private func onTimer(_ due: NIODeadline) {
    guard context != nil, !closing else { return }
    let late: Bool = eventLoop.now - due > .nanoseconds(clock.step / 2)
    switch clock.onTick(codec, late: late) {
    case .nothing: break
    case .ping: codec.ping(HTTP2Connection.keepAlivePing)
    case .close(let reason):
      closing = true
      isBroken = reason != nil
      codec.closeForNew()
      if let reason { server.refusals.refused(server.remoteAddress, reason) }
    }
    tick()
    if !closing { arm() }
  }
}
