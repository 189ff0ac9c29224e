import NIOCore
import Primitives

/// The part of SPDY/3.1 that a client of a container runtime's streaming server needs: containerd up to 1.7 streams exec, attach and
/// port-forward over it, and nothing else it speaks can close standard input alone.
/// Source: https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
public enum SPDYEvent: Hashable, Sendable {
  /// `final`: the peer sends nothing more on this stream.
  case data(stream: UInt32, ByteBuffer, final: Bool)
  case reset(stream: UInt32, status: UInt32)
  case ping(id: UInt32)
  case goAway
}

/// Bytes in, frames out. A value. Headers of replies are skipped: nothing here is decided by them, so their compression is not undone.
public struct SPDYDecoder: Sendable {
  private let frameLimit: Int
  private var buffer = ByteBuffer()

  /// `frameLimit`: bytes of one frame that is taken.
  public init(frameLimit: Int) { self.frameLimit = frameLimit }

  public mutating func append(_ bytes: ByteBuffer) {
    var bytes: ByteBuffer = bytes
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
  }

  /// The next frame that matters; nil until more bytes come. Throws `.protocolViolation`; then it is of no use any more.
  public mutating func next() throws -> SPDYEvent? {
    while let first: UInt32 = buffer.getInteger(at: buffer.readerIndex),
      let second: UInt32 = buffer.getInteger(at: buffer.readerIndex + 4)
    {
      let length: Int = Int(second & 0xFF_FFFF)
      guard length <= frameLimit else {
        throw HTTPError(.protocolViolation, "A SPDY frame has \(length) bytes, more than the \(frameLimit) that are taken.")
      }
      guard buffer.readableBytes >= 8 + length else { return nil }
      buffer.moveReaderIndex(forwardBy: 8)
      var payload: ByteBuffer = buffer.readSlice(length: length) ?? ByteBuffer()
      buffer.discardReadBytes()
      let final: Bool = second >> 24 & 1 == 1
      guard first >> 31 == 1 else { return .data(stream: first, payload, final: final) }
      guard first >> 16 & 0x7FFF == 3 else {
        throw HTTPError(.protocolViolation, "A SPDY frame is of version \(first >> 16 & 0x7FFF), not 3.")
      }
      if let event: SPDYEvent = try control(UInt16(truncatingIfNeeded: first), final, &payload) { return event }
    }
    return nil
  }

  private func control(_ type: UInt16, _ final: Bool, _ payload: inout ByteBuffer) throws -> SPDYEvent? {
    switch type {
    case 2:  // SYN_REPLY
      guard let stream: UInt32 = payload.readInteger() else { throw short("SYN_REPLY") }
      return final ? .data(stream: stream & 0x7FFF_FFFF, ByteBuffer(), final: true) : nil
    case 3:  // RST_STREAM
      guard let stream: UInt32 = payload.readInteger(), let status: UInt32 = payload.readInteger() else { throw short("RST_STREAM") }
      return .reset(stream: stream & 0x7FFF_FFFF, status: status)
    case 6:
      guard let id: UInt32 = payload.readInteger() else { throw short("PING") }
      return .ping(id: id)
    case 7: return .goAway
    // SYN_STREAM (servers open none here), SETTINGS, HEADERS, WINDOW_UPDATE (that server keeps no windows), CREDENTIAL.
    default: return nil
    }
  }

  private func short(_ name: String) -> HTTPError { HTTPError(.protocolViolation, "A SPDY frame \(name) is too short.") }
}

/// Frames that are sent.
public struct SPDYEncoder: Sendable {
  /// The zlib stream of headers has begun on this connection.
  private var begun: Bool = false

  public init() {}

  /// SYN_STREAM. `headers`: names in lower case.
  public mutating func open(_ stream: UInt32, headers: [(name: String, value: String)]) -> ByteBuffer {
    var block = ByteBuffer()
    block.writeInteger(UInt32(headers.count))
    for header in headers {
      block.writeInteger(UInt32(header.name.utf8.count))
      block.writeString(header.name)
      block.writeInteger(UInt32(header.value.utf8.count))
      block.writeString(header.value)
    }
    let packed: ByteBuffer = pack(block)
    var frame = ByteBuffer()
    frame.writeInteger(UInt32(0x8003_0001))
    frame.writeInteger(UInt32(10 + packed.readableBytes))
    frame.writeInteger(stream)
    frame.writeInteger(UInt32(0))
    frame.writeInteger(UInt16(0))
    frame.writeImmutableBuffer(packed)
    return frame
  }

  /// zlib without compression (RFC 1950, RFC 1951 section 3.2.4): a stored block, then an empty one, which is what a sync flush
  /// looks like and makes readers hand out what they have. The dictionary of section 2.6.10.1 is not referred to, so it is not needed.
  private mutating func pack(_ block: ByteBuffer) -> ByteBuffer {
    precondition(block.readableBytes <= 0xFFFF, "a SPDY header block of \(block.readableBytes) bytes")
    var packed = ByteBuffer()
    if !begun { packed.writeInteger(UInt16(0x7801)) }
    begun = true
    for part in [block, ByteBuffer()] {
      let length = UInt16(part.readableBytes)
      packed.writeInteger(UInt8(0))
      packed.writeInteger(length, endianness: .little)
      packed.writeInteger(~length, endianness: .little)
      packed.writeImmutableBuffer(part)
    }
    return packed
  }

  public static func data(_ stream: UInt32, _ bytes: ByteBuffer, final: Bool) -> ByteBuffer {
    precondition(bytes.readableBytes <= 0xFF_FFFF, "a SPDY data frame of \(bytes.readableBytes) bytes")
    var frame = ByteBuffer()
    frame.reserveCapacity(8 + bytes.readableBytes)
    frame.writeInteger(stream & 0x7FFF_FFFF)
    frame.writeInteger(UInt32(final ? 1 : 0) << 24 | UInt32(bytes.readableBytes))
    frame.writeImmutableBuffer(bytes)
    return frame
  }

  public static func ping(_ id: UInt32) -> ByteBuffer {
    var frame = ByteBuffer()
    frame.writeInteger(UInt32(0x8003_0006))
    frame.writeInteger(UInt32(4))
    frame.writeInteger(id)
    return frame
  }
}
