import NIOCore
import Synchronization

/// Bytes both ways over one connection that has left HTTP (RFC 9110 section 7.8) or never spoke it. Read by one task, written by one
/// task; what is not read stays on the wire, and `write` suspends while the peer does not read.
public final class DuplexStream: Sendable {
  private let inbound: BodyPipe
  private let outbound: OutboundQueue<Never>
  /// Bytes that were read too far, handed out first.
  private let returned: Mutex<ByteBuffer?> = Mutex(nil)
  /// Says who is at the other end, for messages.
  public let remoteAddress: String

  init(inbound: BodyPipe, outbound: OutboundQueue<Never>, remoteAddress: String) {
    self.inbound = inbound
    self.outbound = outbound
    self.remoteAddress = remoteAddress
  }

  /// The next bytes; nil once the peer has closed.
  public func read() async throws -> ByteBuffer? {
    let again: ByteBuffer? = returned.withLock { returned in
      defer { returned = nil }
      return returned
    }
    if let again { return again }
    return try await inbound.next()
  }

  /// Gives back what belongs to the next reader. Nothing may have been given back that was not read again since.
  public func unread(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0 else { return }
    returned.withLock { returned in
      precondition(returned == nil, "bytes were given back twice to the stream of \(remoteAddress)")
      returned = bytes
    }
  }

  public func write(_ bytes: ByteBuffer) async throws {
    if bytes.readableBytes > 0 { try await outbound.enqueue(.data(bytes)) }
  }

  /// Sends what was written and closes both ways. Later writes throw.
  public func close() async { try? await outbound.enqueue(.end(nil)) }

  /// Copies to another stream until this one ends.
  public func copy(to other: DuplexStream) async throws {
    while let bytes: ByteBuffer = try await read() { try await other.write(bytes) }
  }

  /// Copies both ways until both sides have ended. A side that ends closes the other behind what was copied; what that one still has on its
  /// way is copied until it answers the close, or its time to do so is over.
  public func splice(with other: DuplexStream) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        try? await self.copy(to: other)
        await other.close()
      }
      group.addTask {
        try? await other.copy(to: self)
        await self.close()
      }
    }
  }

  deinit { outbound.enqueueEndIfOpen() }
}

/// The loop's side of a `DuplexStream`: the last handler of its channel.
final class DuplexHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let inbound: BodyPipe
  private let outbound: OutboundQueue<Never>
  private var context: ChannelHandlerContext?
  private var ending: Bool = false
  /// Writes that the socket has not taken yet.
  private var outstanding: Int = 0
  private var failure: (any Error)?

  init(limits: HTTPLimits) {
    inbound = BodyPipe(limit: limits.bufferedBody)
    outbound = OutboundQueue(limit: limits.bufferedResponse)
  }

  func stream(remoteAddress: String) -> DuplexStream { DuplexStream(inbound: inbound, outbound: outbound, remoteAddress: remoteAddress) }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    let loop: any EventLoop = context.eventLoop
    outbound.attach { loop.execute { bound.value.drain() } }
    inbound.onResume { loop.execute { bound.value.resumeReading() } }
  }

  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if !inbound.push(unwrapInboundIn(data)) { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
  }

  private func resumeReading() {
    guard let context, context.channel.isActive else { return }
    try? context.channel.syncOptions?.setOption(.autoRead, value: true)
    context.channel.read()
  }

  private func drain() {
    guard let context, !ending else { return }
    outbound.drain(while: { context.channel.isWritable }) { piece in
      switch piece {
      case .head: break
      case .data(let bytes): write(bytes, context)
      case .end, .reset: ending = true
      }
    }
    context.flush()
    if ending {
      outbound.close()
      if outstanding == 0 { finish(context) }
    }
  }

  private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
    outstanding += 1
    let written: EventLoopPromise<Void> = context.eventLoop.makePromise()
    written.futureResult.assumeIsolated().whenComplete { [self] _ in
      outstanding -= 1
      if ending, outstanding == 0, let context = self.context { finish(context) }
    }
    context.write(wrapOutboundOut(bytes), promise: written)
  }

  /// Closing drops what the socket has not taken, and closing with unread bytes resets the connection under what the peer has not read: so
  /// our half is closed behind the last write, and the whole when the peer has closed its own or did not in time.
  private func finish(_ context: ChannelHandlerContext) {
    guard context.channel.isActive else { return }
    context.close(mode: .output, promise: nil)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .seconds(Self.lingerSeconds)) {
      let handler: DuplexHandler = bound.value
      if let context = handler.context, context.channel.isActive { context.close(promise: nil) }
    }
  }

  private static let lingerSeconds: Int64 = 2

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { drain() }
    context.fireChannelWritabilityChanged()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failure = error
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    let error = HTTPError(.connectionLost, "The peer closed the connection.", cause: failure)
    // An end that somebody else forced is not the end of what was sent.
    if failure != nil { inbound.fail(error) } else { inbound.finish() }
    outbound.fail(error)
    context.fireChannelInactive()
  }
}
