import NIOCore
import Primitives

/// Bytes in, frames out. A value: no socket, no time. After it threw, the connection is of no use any more.
struct FrameDecoder {
  enum Event: Equatable {
    case hello(Hello)
    case welcome(MemberID, LinkFeatures = [])
    case refusal(String)
    case removal(String)
    case superseded(Bytes)
    case message(LinkPriority, ByteBuffer)
    case ping(UInt64)
    case pong(UInt64)
  }

  private let frameBytes: Int
  private let chunkBytes: Int
  private var buffer = ByteBuffer()
  /// Messages of which not every chunk is there, by class.
  private var partial: [ByteBuffer?] = [nil, nil, nil]
  /// Made with the first compressed chunk.
  private var decompressor: Decompressor?

  init(limits: LinkLimits) {
    frameBytes = limits.frameBytes
    // The peer's chunks may be larger than ours; 1 MiB is what its own limits allow.
    chunkBytes = max(limits.chunkBytes, min(limits.frameBytes, 1 << 20))
  }

  mutating func append(_ bytes: inout ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeBuffer(&bytes)
    }
  }

  /// The next frame, nil if more bytes are needed. A message of one chunk shares its memory with what was read: copy what is kept for long.
  mutating func next() throws(LinkError) -> Event? {
    while true {
      guard let (kind, priority, flags, bytes) = try nextChunk() else { return nil }
      if kind != .message { return try control(kind, bytes) }
      let payload: ByteBuffer = flags & Frame.compressedChunk != 0 ? try decompress(bytes) : bytes
      let isLast: Bool = flags & Frame.lastChunk != 0
      let index = Int(priority.rawValue)
      guard var whole: ByteBuffer = partial[index] else {
        if isLast { return .message(priority, payload) }
        // A copy, so that the chunks' memory is let go and the message grows in its own.
        partial[index] = ByteBuffer(bytes: payload.readableBytesView)
        continue
      }
      partial[index] = nil
      guard whole.readableBytes + payload.readableBytes <= frameBytes else {
        throw LinkError(
          .frameTooLarge, "The peer sent a frame of more than \(frameBytes) bytes; the limits of both members must be the same.")
      }
      whole.writeImmutableBuffer(payload)
      if isLast { return .message(priority, whole) }
      partial[index] = whole
    }
  }

  private mutating func decompress(_ payload: ByteBuffer) throws(LinkError) -> ByteBuffer {
    let decompressor: Decompressor = decompressor ?? Decompressor()
    self.decompressor = decompressor
    return try decompressor.decompress(payload, limit: chunkBytes)
  }

  private mutating func nextChunk() throws(LinkError) -> (Frame.Kind, LinkPriority, UInt8, ByteBuffer)? {
    guard
      let (length, rawKind, rawPriority, flags, reserved) = buffer.peekMultipleIntegers(
        as: (UInt32, UInt8, UInt8, UInt8, UInt8).self)
    else { return nil }
    guard let kind = Frame.Kind(rawValue: rawKind), let priority = LinkPriority(rawValue: rawPriority),
      flags <= Frame.lastChunk | Frame.compressedChunk,
      reserved == 0
    else {
      throw LinkError(
        .badFrame, "The peer sent a frame that this protocol does not have (kind \(rawKind), class \(rawPriority), flags \(flags)).")
    }
    let limit: Int = kind == .message || kind == .superseded ? chunkBytes : LinkLimits.controlBytes
    guard length <= limit else {
      throw LinkError(.frameTooLarge, "The peer sent a chunk of \(length) bytes; \(limit) are allowed.")
    }
    guard buffer.readableBytes >= Frame.headerBytes + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: Frame.headerBytes)
    guard let payload: ByteBuffer = buffer.readSlice(length: Int(length)) else {
      preconditionFailure("\(length) bytes were there and are not")
    }
    // What was read is let go, now and not when the connection ends.
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    return (kind, priority, flags, payload)
  }

  private func control(_ kind: Frame.Kind, _ payload: ByteBuffer) throws(LinkError) -> Event {
    var payload: ByteBuffer = payload
    switch kind {
    case .hello: return .hello(try Hello(from: &payload))
    case .refusal: return .refusal(String(buffer: payload))
    case .removal: return .removal(String(buffer: payload))
    case .superseded: return .superseded(Bytes(payload.readableBytesView))
    case .welcome:
      guard let value: UInt64 = payload.readInteger() else { throw LinkError(.badFrame, "The peer sent a welcome of a wrong length.") }
      // What follows belongs to a later minor revision.
      return .welcome(MemberID(value), LinkFeatures(rawValue: payload.readInteger() ?? 0))
    case .ping, .pong, .message:
      guard let value: UInt64 = payload.readInteger(), payload.readableBytes == 0 else {
        throw LinkError(.badFrame, "The peer sent a \(kind) of a wrong length.")
      }
      return kind == .ping ? .ping(value) : .pong(value)
    }
  }
}

extension ByteBuffer {
  /// The five fields of a chunk's header without moving on.
  fileprivate func peekMultipleIntegers(
    as: (UInt32, UInt8, UInt8, UInt8, UInt8).Type
  ) -> (UInt32, UInt8, UInt8, UInt8, UInt8)? {
    var copy: ByteBuffer = self
    return copy.readMultipleIntegers(as: (UInt32, UInt8, UInt8, UInt8, UInt8).self)
  }
}
