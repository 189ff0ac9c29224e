import NIOCore
import Primitives

extension TLSHandler {
  public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard state != .closed, state != .lingering, !outputIsClosed else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    let bytes: ByteBuffer = unwrapOutboundIn(data)
    pendingBytes += bytes.readableBytes
    pending.append(PendingWrite(bytes: bytes, promise: promise))
    if pendingBytes > tls.configuration.maximumBufferedBytes {
      fail(
        context,
        TLSError(
          .bufferLimit,
          "The peer does not read: \(pendingBytes) bytes wait for it, over the limit of \(tls.configuration.maximumBufferedBytes)."))
    }
  }

  public func flush(context: ChannelHandlerContext) {
    pending.mark()
    drain(context)
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    drain(context)
    context.fireChannelWritabilityChanged()
  }

  /// Encrypts what was flushed, as long as the channel takes it. Flushing may make the channel writable again from inside: then the
  /// loop goes on instead of nesting.
  func drain(_ context: ChannelHandlerContext, evenIfNotWritable: Bool = false) {
    guard !isDraining, state == .open, case .success(let session) = session else { return }
    isDraining = true
    defer { isDraining = false }
    while state == .open, pending.hasMark, evenIfNotWritable || context.channel.isWritable {
      var promises: [EventLoopPromise<Void>] = []
      let error: TLSError? = encryptPiece(session, &promises)
      if let error {
        promises.forEach { $0.fail(error) }
        return fail(context, error)
      }
      let bytes: ByteBuffer = session.outbound
      session.outbound = ByteBuffer()
      context.writeAndFlush(wrapOutboundOut(bytes), promise: Self.merge(promises, context.eventLoop))
    }
  }

  /// One piece of ciphertext out of as many writes as fit. Small ones are copied together first: 200 bytes one by one cost 0.8 to 1.7 µs
  /// each, merged 0.3 to 0.5 µs, and 22 bytes of record each.
  private func encryptPiece(_ session: TLSSession, _ promises: inout [EventLoopPromise<Void>]) -> TLSError? {
    session.outbound.reserveCapacity(min(pendingBytes, TLSLimits.encryptedPiece) + 1024)
    var taken: Int = 0
    var error: TLSError?
    while error == nil, taken < TLSLimits.encryptedPiece, pending.hasMark, let first: PendingWrite = pending.first {
      let isAlone: Bool = staging.readableBytes == 0 && first.bytes.readableBytes >= TLSLimits.mergedPiece
      let room: Int = isAlone ? TLSLimits.encryptedPiece - taken : TLSLimits.mergedPiece - staging.readableBytes
      let count: Int = min(first.bytes.readableBytes, room)
      guard let piece: ByteBuffer = first.bytes.getSlice(at: first.bytes.readerIndex, length: count) else { break }
      taken += count
      pendingBytes -= count
      if count == first.bytes.readableBytes {
        if let promise = first.promise { promises.append(promise) }
        _ = pending.popFirst()
      } else {
        pending[pending.startIndex].bytes.moveReaderIndex(forwardBy: count)
      }
      if isAlone {
        error = piece.withUnsafeReadableBytes { session.write($0) }
      } else {
        staging.writeImmutableBuffer(piece)
        if staging.readableBytes >= TLSLimits.mergedPiece { error = encryptStaging(session) }
      }
    }
    return error ?? encryptStaging(session)
  }

  private func encryptStaging(_ session: TLSSession) -> TLSError? {
    defer { staging.clear() }
    return staging.withUnsafeReadableBytes { session.write($0) }
  }

  private static func merge(_ promises: [EventLoopPromise<Void>], _ loop: any EventLoop) -> EventLoopPromise<Void>? {
    guard promises.count > 1 else { return promises.first }
    let one: EventLoopPromise<Void> = loop.makePromise()
    one.futureResult.whenComplete { result in promises.forEach { $0.completeWith(result) } }
    return one
  }
}
