import NIOCore

/// Takes gRPC messages out of a body's bytes: one byte of flags, four of length, the message. Holds at most one message beyond
/// what it was given.
public struct GRPCMessageDecoder: Sendable {
  private var buffer = ByteBuffer()
  private let limit: Int

  /// `limit`: bytes of one message at most.
  public init(limit: Int) { self.limit = limit }

  public mutating func append(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The next whole message; nil until more bytes come. Throws `GRPCStatus`: `resourceExhausted` over the limit,
  /// `unimplemented` for a compressed message (none was agreed on).
  public mutating func next() throws -> ByteBuffer? {
    guard let flags: UInt8 = buffer.getInteger(at: buffer.readerIndex),
      let length: UInt32 = buffer.getInteger(at: buffer.readerIndex + 1, endianness: .big)
    else { return nil }
    guard flags == 0 else {
      throw GRPCStatus(
        flags == 1 ? .unimplemented : .internal,
        flags == 1 ? "grpc: Decompressor is not installed for a compressed message" : "grpc: received unexpected payload format \(flags)")
    }
    guard Int(length) <= limit else {
      throw GRPCStatus(.resourceExhausted, "grpc: received message larger than max (\(length) vs. \(limit))")
    }
    guard buffer.readableBytes >= 5 + Int(length) else { return nil }
    buffer.moveReaderIndex(forwardBy: 5)
    let message: ByteBuffer? = buffer.readSlice(length: Int(length))
    if buffer.readableBytes == 0 { buffer = ByteBuffer() }
    return message
  }

  /// Bytes of an unfinished message are held.
  public var hasRest: Bool { buffer.readableBytes > 0 }
}

extension ByteBuffer {
  /// A gRPC message written by `body`, with its prefix, in one buffer.
  public static func grpcMessage(capacity: Int = 256, _ body: (inout ProtobufWriter) -> Void) -> ByteBuffer {
    var writer = ProtobufWriter(grpcCapacity: capacity)
    body(&writer)
    writer.setGRPCPrefix()
    return writer.buffer
  }
}
