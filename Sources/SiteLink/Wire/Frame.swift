import NIOCore
import Primitives

/// What is on the wire, inside TLS (which authenticates it, hence no checksum): chunks of
///
///     0        4      5       6       7          8
///     | length | kind | class | flags | reserved | length bytes …
///
/// in network order. A message is one or more chunks of its class, the last one flagged; chunks of different classes interleave, those of
/// one class do not. Everything else is one chunk. A chunk of a message may be compressed, flagged too: its size before (4 bytes), then one
/// Zstandard frame (RFC 8878).
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
  static let compressedChunk: UInt8 = 2

  static func writeChunk(
    _ payload: ByteBuffer, _ priority: LinkPriority, isLast: Bool, isCompressed: Bool = false, to buffer: inout ByteBuffer
  ) {
    let flags: UInt8 = (isLast ? lastChunk : 0) | (isCompressed ? compressedChunk : 0)
    writeHeader(.message, payload.readableBytes, priority.rawValue, flags, to: &buffer)
    buffer.writeImmutableBuffer(payload)
  }

  static func hello(_ hello: Hello) -> ByteBuffer { control(.hello) { hello.write(to: &$0) } }
  /// `features` only to those who said theirs: others know a shorter welcome.
  static func welcome(_ member: MemberID, _ features: LinkFeatures? = nil) -> ByteBuffer {
    control(.welcome) { buffer in
      buffer.writeInteger(member.value)
      if let features { buffer.writeInteger(features.rawValue) }
    }
  }
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
