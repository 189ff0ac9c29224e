import NIOCore

/// Frame types (RFC 9113 section 6).
enum FrameType {
  static let data: UInt8 = 0
  static let headers: UInt8 = 1
  static let priority: UInt8 = 2
  static let resetStream: UInt8 = 3
  static let settings: UInt8 = 4
  static let pushPromise: UInt8 = 5
  static let ping: UInt8 = 6
  static let goAway: UInt8 = 7
  static let windowUpdate: UInt8 = 8
  static let continuation: UInt8 = 9
}

/// Flags; which ones a frame has depends on its type.
enum FrameFlags {
  static let endStream: UInt8 = 0x01
  static let ack: UInt8 = 0x01
  static let endHeaders: UInt8 = 0x04
  static let padded: UInt8 = 0x08
  static let priority: UInt8 = 0x20
}

/// Settings (RFC 9113 section 6.5.2).
enum SettingID {
  static let enablePush: UInt16 = 2
  static let maxConcurrentStreams: UInt16 = 3
  static let initialWindowSize: UInt16 = 4
  static let maxFrameSize: UInt16 = 5
  static let maxHeaderListSize: UInt16 = 6
}

/// Why a stream or a connection was broken (RFC 9113 section 7).
struct HTTP2ErrorCode: Hashable, Sendable, CustomStringConvertible {
  let value: UInt32
  static let noError = Self(value: 0)
  static let protocolError = Self(value: 1)
  static let internalError = Self(value: 2)
  static let flowControlError = Self(value: 3)
  static let settingsTimeout = Self(value: 4)
  static let streamClosed = Self(value: 5)
  static let frameSizeError = Self(value: 6)
  static let refusedStream = Self(value: 7)
  static let cancel = Self(value: 8)
  static let compressionError = Self(value: 9)
  static let connectError = Self(value: 10)
  static let enhanceYourCalm = Self(value: 11)

  private static let names: [String] = [
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
    "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
  ]
  var description: String { value < Self.names.count ? Self.names[Int(value)] : "error \(value)" }
}

/// The nine bytes in front of every frame (RFC 9113 section 4.1).
struct FrameHeader: Equatable {
  static let size: Int = 9
  var length: Int
  var type: UInt8
  var flags: UInt8
  var stream: UInt32

  func has(_ flag: UInt8) -> Bool { flags & flag != 0 }
}

extension ByteBuffer {
  /// The frame header at the reader index, which stays; nil while it is not whole.
  func peekFrameHeader() -> FrameHeader? {
    guard let first: UInt64 = getInteger(at: readerIndex), let last: UInt8 = getInteger(at: readerIndex + 8) else { return nil }
    return FrameHeader(
      length: Int(first >> 40), type: UInt8(truncatingIfNeeded: first >> 32), flags: UInt8(truncatingIfNeeded: first >> 24),
      stream: (UInt32(truncatingIfNeeded: first & 0xFF_FFFF) << 8 | UInt32(last)) & 0x7FFF_FFFF)
  }

  mutating func writeFrameHeader(length: Int, type: UInt8, flags: UInt8, stream: UInt32) {
    let first: UInt64 = UInt64(length) << 40 | UInt64(type) << 32 | UInt64(flags) << 24 | UInt64(stream >> 8)
    writeInteger(first)
    writeInteger(UInt8(truncatingIfNeeded: stream))
  }

  mutating func setFrameLength(_ length: Int, at index: Int) {
    setInteger(UInt16(truncatingIfNeeded: length >> 8), at: index)
    setInteger(UInt8(truncatingIfNeeded: length), at: index + 2)
  }
}
