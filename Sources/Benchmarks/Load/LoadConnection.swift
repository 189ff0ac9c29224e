import HTTP
import NIOCore
import NIOHPACK

/// What happens to the calls of one connection. Called on its loop.
protocol LoadDelegate: AnyObject {
  /// The server's SETTINGS are here: calls may begin.
  func ready(_ connection: LoadConnection)
  func message(_ connection: LoadConnection, stream: Int32, _ message: ByteBuffer)
  /// `status`: gRPC's; -1 when the stream was reset.
  func ended(_ connection: LoadConnection, stream: Int32, status: Int)
  /// The connection is gone with all its calls; nothing follows.
  func lost(_ connection: LoadConnection, _ error: BenchmarkError)
}

/// A gRPC client on one HTTP/2 connection, as lean as a client can be: on two cores whatever it costs is taken from the server that it
/// measures.
/// One path per connection, no task, no object per call; the frames of one read go out in one write. It trusts the server as a measuring
/// instrument may and closes when it does not understand it.
final class LoadConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private struct Call {
    var sendWindow: Int
    /// Bytes of a message that did not come in one frame.
    var partial: ByteBuffer?
    var status: Int = -1
    /// Received and not yet given back to the server's window of this stream.
    var consumed: Int = 0
  }

  /// The driver's own number for this connection.
  let tag: Int
  private let head: RequestHead
  private unowned let delegate: any LoadDelegate
  private var context: ChannelHandlerContext?
  private var inbound = ByteBuffer()
  private var out = ByteBuffer()
  private var decoder: HPACKDecoder
  private var calls: [Int32: Call] = [:]
  private var nextStream: Int32 = 1
  private var headSent: Bool = false
  private var isReady: Bool = false
  private var reading: Bool = false
  private var block: (stream: Int32, ends: Bool, bytes: ByteBuffer)?
  private var sendWindow: Int = 65_535
  private var initialStreamWindow: Int = 65_535
  private var consumed: Int = 0
  /// Messages that the server's windows hold back, in order.
  private var blocked: [(stream: Int32, message: ByteBuffer, ends: Bool)] = []
  private var closed: Bool = false

  private static let window: Int = 1 << 30

  init(tag: Int, _ head: RequestHead, _ delegate: any LoadDelegate) {
    self.tag = tag
    self.head = head
    self.delegate = delegate
    decoder = HPACKDecoder(allocator: ByteBufferAllocator())
  }

  /// nil before and after its time in a pipeline.
  var eventLoop: (any EventLoop)? { context?.eventLoop }

  // MARK: Calls

  /// Opens a call, with its first message. `ends`: no more will be sent. Returns the stream's number.
  func open(_ message: ByteBuffer, ends: Bool) -> Int32 {
    let stream: Int32 = nextStream
    nextStream += 2
    calls[stream] = Call(sendWindow: initialStreamWindow)
    let block: [UInt8] = headSent ? head.again : head.first
    headSent = true
    frame(type: 1, flags: 4, stream: stream, length: block.count)
    out.writeBytes(block)
    send(stream, message, ends: ends)
    return stream
  }

  /// Sends another message of an open call.
  func send(_ stream: Int32, _ message: ByteBuffer, ends: Bool = false) {
    let length: Int = message.readableBytes
    guard let window: Int = calls[stream]?.sendWindow else { return }
    if length > sendWindow || length > window || !blocked.isEmpty {
      blocked.append((stream, message, ends))
    } else {
      transmit(stream, message, ends: ends)
    }
    if !reading { flush() }
  }

  private func transmit(_ stream: Int32, _ message: ByteBuffer, ends: Bool) {
    let length: Int = message.readableBytes
    sendWindow -= length
    calls[stream]?.sendWindow -= length
    var message: ByteBuffer = message
    // No server of those compared announces larger frames than the protocol's default (RFC 9113 §4.2).
    repeat {
      let piece: Int = min(message.readableBytes, BenchmarkLimits.frameBytes)
      frame(type: 0, flags: ends && piece == message.readableBytes ? 1 : 0, stream: stream, length: piece)
      if var bytes: ByteBuffer = message.readSlice(length: piece) { out.writeBuffer(&bytes) }
    } while message.readableBytes > 0
  }

  /// First come, first served: a message whose stream has no window holds the others back, which calls of one message never do.
  private func unblock() {
    var sent: Int = 0
    for item in blocked {
      if let window: Int = calls[item.stream]?.sendWindow {
        guard item.message.readableBytes <= min(sendWindow, window) else { break }
        transmit(item.stream, item.message, ends: item.ends)
      }
      sent += 1
    }
    blocked.removeFirst(sent)
  }

  private func frame(type: UInt8, flags: UInt8, stream: Int32, length: Int) {
    out.writeInteger(UInt32(length) << 8 | UInt32(type))
    out.writeInteger(flags)
    out.writeInteger(stream)
  }

  func flush() {
    guard let context, out.readableBytes > 0 else { return }
    context.writeAndFlush(wrapOutboundOut(out), promise: nil)
    out = context.channel.allocator.buffer(capacity: 16_384)
  }

  func close() {
    closed = true
    context?.close(promise: nil)
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    if context.channel.isActive { start() }
  }

  func channelActive(context: ChannelHandlerContext) {
    start()
    context.fireChannelActive()
  }

  private func start() {
    guard out.writerIndex == 0 else { return }
    out.writeStaticString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    frame(type: 4, flags: 0, stream: 0, length: 12)
    out.writeInteger(UInt16(2))
    out.writeInteger(UInt32(0))
    out.writeInteger(UInt16(4))
    out.writeInteger(UInt32(Self.window))
    frame(type: 8, flags: 0, stream: 0, length: 4)
    out.writeInteger(UInt32(Self.window - 65_535))
    flush()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes: ByteBuffer = unwrapInboundIn(data)
    if inbound.readableBytes == 0 { inbound = bytes } else { inbound.writeBuffer(&bytes) }
    reading = true
    do {
      while try readFrame() {}
    } catch {
      fail(error as? BenchmarkError ?? BenchmarkError(.connection, "The server's frames cannot be read.", cause: error))
    }
    reading = false
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    flush()
    context.fireChannelReadComplete()
  }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    fail(BenchmarkError(.connection, "The server closed a connection under load."))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(BenchmarkError(.connection, "A connection under load broke.", cause: error))
  }

  private func fail(_ error: BenchmarkError) {
    guard !closed else { return }
    close()
    delegate.lost(self, error)
  }

  // MARK: Frames

  private func readFrame() throws -> Bool {
    guard let start: UInt32 = inbound.getInteger(at: inbound.readerIndex) else { return false }
    let length = Int(start >> 8)
    guard length <= BenchmarkLimits.frameBytes else {
      throw BenchmarkError(.connection, "The server sent a frame of \(length) bytes; \(BenchmarkLimits.frameBytes) are allowed.")
    }
    guard inbound.readableBytes >= 9 + length else { return false }
    inbound.moveReaderIndex(forwardBy: 4)
    guard let flags: UInt8 = inbound.readInteger(), let stream: Int32 = inbound.readInteger(),
      var payload: ByteBuffer = inbound.readSlice(length: length)
    else { preconditionFailure("\(length) bytes are there") }
    try handle(type: UInt8(start & 0xFF), flags: flags, stream: stream, &payload)
    return !closed
  }

  private func handle(type: UInt8, flags: UInt8, stream: Int32, _ payload: inout ByteBuffer) throws {
    switch type {
    case 0: try data(flags, stream, &payload)
    case 1:
      strip(flags, &payload)
      if flags & 0x20 != 0 { payload.moveReaderIndex(forwardBy: 5) }
      block = (stream, flags & 1 != 0, payload)
      if flags & 4 != 0 { try endBlock() }
    case 9:
      block?.bytes.writeBuffer(&payload)
      guard (block?.bytes.readableBytes ?? 0) <= BenchmarkLimits.headerBlockBytes else {
        throw BenchmarkError(.connection, "The server sent a header block of more than \(BenchmarkLimits.headerBlockBytes) bytes.")
      }
      if flags & 4 != 0 { try endBlock() }
    case 3: end(stream, status: -1)
    case 4: if flags & 1 == 0 { try settings(&payload) }
    case 6:
      if flags & 1 == 0 {
        frame(type: 6, flags: 1, stream: 0, length: payload.readableBytes)
        out.writeBuffer(&payload)
      }
    case 7: throw BenchmarkError(.connection, "The server ended a connection under load (GOAWAY).")
    case 8:
      let increment = Int(payload.readInteger(as: UInt32.self) ?? 0)
      if stream == 0 { sendWindow += increment } else { calls[stream]?.sendWindow += increment }
      if !blocked.isEmpty { unblock() }
    default: break
    }
  }

  /// Takes padding away (RFC 9113 §6.1).
  private func strip(_ flags: UInt8, _ payload: inout ByteBuffer) {
    guard flags & 8 != 0, let padding: UInt8 = payload.readInteger() else { return }
    payload = payload.getSlice(at: payload.readerIndex, length: max(0, payload.readableBytes - Int(padding))) ?? payload
  }

  private func settings(_ payload: inout ByteBuffer) throws {
    while let (name, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
      switch name {
      case 1:
        guard Int(value) >= head.tableBytes else {
          throw BenchmarkError(.connection, "The server keeps \(value) bytes of header table; the load client needs \(head.tableBytes).")
        }
      case 4:
        let change: Int = Int(value) - initialStreamWindow
        initialStreamWindow += change
        for stream in calls.keys { calls[stream]?.sendWindow += change }
      default: break
      }
    }
    frame(type: 4, flags: 1, stream: 0, length: 0)
    guard !isReady else { return }
    isReady = true
    delegate.ready(self)
  }

  private func endBlock() throws {
    guard let (stream, ends, whole) = block else { return }
    block = nil
    var bytes: ByteBuffer = whole
    let fields: HPACKHeaders = try decoder.decodeHeaders(from: &bytes)
    if let text: String = fields.first(name: "grpc-status"), let status = Int(text) { calls[stream]?.status = status }
    if ends { end(stream, status: calls[stream]?.status ?? -1) }
  }

  private func end(_ stream: Int32, status: Int) {
    guard calls.removeValue(forKey: stream) != nil else { return }
    delegate.ended(self, stream: stream, status: status)
  }

  private func data(_ flags: UInt8, _ stream: Int32, _ payload: inout ByteBuffer) throws {
    let size: Int = payload.readableBytes
    consumed += size
    if consumed > Self.window / 2 {
      frame(type: 8, flags: 0, stream: 0, length: 4)
      out.writeInteger(UInt32(consumed))
      consumed = 0
    }
    strip(flags, &payload)
    guard var call: Call = calls[stream] else { return }
    call.consumed += size
    if call.consumed > Self.window / 2 {
      frame(type: 8, flags: 0, stream: stream, length: 4)
      out.writeInteger(UInt32(call.consumed))
      call.consumed = 0
    }
    var bytes: ByteBuffer = payload
    if var partial: ByteBuffer = call.partial {
      partial.writeBuffer(&bytes)
      bytes = partial
      call.partial = nil
    }
    var messages: [ByteBuffer] = []
    while let length: UInt32 = bytes.getInteger(at: bytes.readerIndex + 1), bytes.readableBytes >= 5 + Int(length) {
      bytes.moveReaderIndex(forwardBy: 5)
      if let message: ByteBuffer = bytes.readSlice(length: Int(length)) { messages.append(message) }
    }
    guard bytes.readableBytes <= BenchmarkLimits.messageBytes else {
      throw BenchmarkError(.connection, "The server sent a message of more than \(BenchmarkLimits.messageBytes) bytes.")
    }
    if bytes.readableBytes > 0 { call.partial = bytes }
    calls[stream] = call
    for message in messages { delegate.message(self, stream: stream, message) }
    if flags & 1 != 0 { end(stream, status: calls[stream]?.status ?? -1) }
  }
}
