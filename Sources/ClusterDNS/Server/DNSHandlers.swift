import NIOCore
import Primitives
import Synchronization

extension NameServer {
  /// The answer to a message; nil if nothing may be sent. `stream`: over TCP, where nothing is cut. `onMalformed` is told of what is no
  /// question.
  func respond(to message: Bytes, stream: Bool, onMalformed: () -> Void = {}) -> Bytes? {
    switch DNSQuery.parse(message) {
    case .success(let query):
      let udpLimit: Int = query.ednsBytes.map { min($0, DNSLimits.ednsUDPBytes) } ?? DNSLimits.plainUDPBytes
      return answer(query).encode(for: query, limit: stream ? DNSLimits.tcpMessageBytes : udpLimit)
    case .failure(let refusal):
      onMalformed()
      return DNSAnswer.encode(refusal)
    }
  }
}

final class DNSDatagramHandler: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>
  private let nameServer: NameServer
  private let malformed: MalformedNotes
  init(_ nameServer: NameServer, _ malformed: MalformedNotes) {
    self.nameServer = nameServer
    self.malformed = malformed
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope: AddressedEnvelope<ByteBuffer> = unwrapInboundIn(data)
    DNSMetrics.udp.increment()
    let answer: Bytes? = nameServer.respond(to: Bytes(envelope.data.readableBytesView), stream: false) {
      malformed.note(envelope.remoteAddress.ipAddress ?? "unknown", over: "UDP")
    }
    guard let answer else { return }
    context.write(
      wrapOutboundOut(AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: context.channel.allocator.buffer(bytes: answer))),
      promise: nil)
  }
  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
  /// A datagram that cannot be delivered (nobody listens there any more) concerns nobody else.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Two bytes of length before each message (RFC 1035 §4.2.2).
struct DNSFrameDecoder: ByteToMessageDecoder {
  typealias InboundOut = ByteBuffer
  mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) -> DecodingState {
    guard let message: ByteBuffer = buffer.readLengthPrefixedSlice(as: UInt16.self) else { return .needMoreData }
    context.fireChannelRead(Self.wrapInboundOut(message))
    return .continue
  }
  mutating func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) -> DecodingState {
    while decode(context: context, buffer: &buffer) == .continue {}
    return .needMoreData
  }
}

final class ConnectionCount: Sendable {
  private let count = Atomic<Int>(0)
  func enter() -> Bool {
    if count.add(1, ordering: .relaxed).newValue > DNSLimits.tcpConnections {
      leave()
      return false
    }
    return true
  }
  func leave() { count.subtract(1, ordering: .relaxed) }
}

final class DNSStreamHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer
  private let nameServer: NameServer
  private let connections: ConnectionCount
  private let malformed: MalformedNotes
  private var isCounted: Bool = false

  init(_ nameServer: NameServer, _ connections: ConnectionCount, _ malformed: MalformedNotes) {
    self.nameServer = nameServer
    self.connections = connections
    self.malformed = malformed
  }

  func channelActive(context: ChannelHandlerContext) {
    isCounted = connections.enter()
    if !isCounted { context.close(promise: nil) }
  }
  func channelInactive(context: ChannelHandlerContext) {
    if isCounted { connections.leave() }
  }
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let message: ByteBuffer = unwrapInboundIn(data)
    DNSMetrics.tcp.increment()
    let answer: Bytes? = nameServer.respond(to: Bytes(message.readableBytesView), stream: true) {
      malformed.note(context.remoteAddress?.ipAddress ?? "unknown", over: "TCP")
    }
    guard let answer else {
      context.close(promise: nil)
      return
    }
    var buffer: ByteBuffer = context.channel.allocator.buffer(capacity: answer.count + 2)
    buffer.writeInteger(UInt16(answer.count))
    buffer.writeBytes(answer)
    context.write(wrapOutboundOut(buffer), promise: nil)
  }
  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
  }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
