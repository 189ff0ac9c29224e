import NIOCore
import Primitives

/// What is on the wire, inside TLS (which authenticates it, hence no checksum): chunks of
///
///     0        4      5       6       7          8
///     | length | kind | class | flags | reserved | length bytes …
///
/// in network order. A message is one or more chunks of its class, the last one flagged; chunks of different classes interleave, those of
/// one class do not. Everything else is one chunk.
enum Frame {
  static let headerBytes: Int = 8

  enum Kind: UInt8 {
    case hello = 1
    case welcome = 2
    /// A sentence; the sender closes after it.
    case refusal = 3
    case message = 4
    /// 8 bytes that come back in the pong.
    case ping = 5
    case pong = 6
    /// A refusal for good: the one who dialled is no member any more.
    case removal = 7
    /// The one who dialled is of an older epoch of the cluster; what follows tells it where the new one began. The sender closes after it.
    case superseded = 8
  }

  static let lastChunk: UInt8 = 1

  static func writeChunk(_ payload: ByteBuffer, _ priority: LinkPriority, isLast: Bool, to buffer: inout ByteBuffer) {
    writeHeader(.message, payload.readableBytes, priority.rawValue, isLast ? lastChunk : 0, to: &buffer)
    buffer.writeImmutableBuffer(payload)
  }

  static func hello(_ hello: Hello) -> ByteBuffer { control(.hello) { hello.write(to: &$0) } }
  static func welcome(_ member: MemberID) -> ByteBuffer { control(.welcome) { $0.writeInteger(member.value) } }
  static func ping(_ token: UInt64) -> ByteBuffer { control(.ping) { $0.writeInteger(token) } }
  static func pong(_ token: UInt64) -> ByteBuffer { control(.pong) { $0.writeInteger(token) } }
  static func refusal(_ sentence: String, isRemoval: Bool = false) -> ByteBuffer {
    control(isRemoval ? .removal : .refusal) { $0.writeBytes(Bytes(sentence).prefix(LinkLimits.sentenceBytes)) }
  }

  static func superseded(_ proof: Bytes) -> ByteBuffer { control(.superseded) { $0.writeBytes(proof) } }

  /// A message in as many chunks as it takes.
  static func message(_ bytes: Bytes, _ chunkBytes: Int) -> ByteBuffer {
    var buffer = ByteBuffer()
    var rest = ByteBuffer(bytes: bytes)
    repeat {
      let chunk: ByteBuffer = rest.readSlice(length: min(rest.readableBytes, chunkBytes)) ?? ByteBuffer()
      writeChunk(chunk, .normal, isLast: rest.readableBytes == 0, to: &buffer)
    } while rest.readableBytes > 0
    return buffer
  }

  private static func control(_ kind: Kind, _ body: (inout ByteBuffer) -> Void) -> ByteBuffer {
    var payload = ByteBuffer()
    body(&payload)
    var buffer = ByteBuffer()
    writeHeader(kind, payload.readableBytes, 0, lastChunk, to: &buffer)
    buffer.writeBuffer(&payload)
    return buffer
  }

  private static func writeHeader(_ kind: Kind, _ length: Int, _ priority: UInt8, _ flags: UInt8, to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(UInt32(length), kind.rawValue, priority, flags, UInt8(0))
  }
}
