import NIOCore
import Primitives

/// Bytes in, messages out (RFC 6455 section 5). A value: knows neither socket nor time. Fragments are put together, with control frames
/// between them handed out at once. After it threw it is of no use; the error's `closeCode` is what the peer is told.
public struct WebSocketDecoder: Sendable {
  /// What the peer did wrong.
  public struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    public let closeCode: UInt16
    public let description: String
    static func `protocol`(_ text: String) -> Violation { Violation(closeCode: WebSocketCloseCode.protocolError, description: text) }
  }

  private let role: WebSocketRole
  private let messageLimit: Int
  private var buffer = ByteBuffer()
  /// The message whose fragments are arriving.
  private var open: (opcode: WebSocketOpcode, bytes: ByteBuffer)?
  private var isOver: Bool = false

  /// `role`: of the end that decodes. `messageLimit`: bytes of one message, all its fragments together.
  public init(role: WebSocketRole, messageLimit: Int) {
    self.role = role
    self.messageLimit = messageLimit
  }

  public mutating func append(_ bytes: ByteBuffer) {
    var bytes: ByteBuffer = bytes
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeBuffer(&bytes) }
  }

  private struct Header {
    var final: Bool
    var opcode: WebSocketOpcode
    var length: Int
    var mask: UInt32?
    var size: Int
  }

  /// The next event; nil until more bytes come. Nothing follows a close.
  public mutating func next() throws -> WebSocketEvent? {
    while !isOver, let header: Header = try readHeader() {
      guard buffer.readableBytes >= header.size + header.length else { return nil }
      buffer.moveReaderIndex(forwardBy: header.size)
      var payload: ByteBuffer = buffer.readSlice(length: header.length) ?? ByteBuffer()
      buffer.discardReadBytes()
      if let mask: UInt32 = header.mask { WebSocketMask.apply(mask, to: &payload) }
      if header.opcode.isControl { return try control(header.opcode, payload) }
      if let message: WebSocketEvent = try data(header, payload) { return message }
    }
    return nil
  }

  /// Nil until it is whole. What it says is checked before its payload is waited for.
  private func readHeader() throws -> Header? {
    let start: Int = buffer.readerIndex
    guard let first: UInt8 = buffer.getInteger(at: start), let second: UInt8 = buffer.getInteger(at: start + 1) else { return nil }
    guard first & 0x70 == 0 else { throw Violation.protocol("reserved bits are set, and no extension was agreed on") }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
      throw Violation.protocol("the opcode \(first & 0x0F) is not known")
    }
    let final: Bool = first & 0x80 != 0
    let isMasked: Bool = second & 0x80 != 0
    guard isMasked == (role == .server) else {
      throw Violation.protocol(role == .server ? "a client's frame is not masked" : "a server's frame is masked")
    }
    var size: Int = 2
    var length: Int = Int(second & 0x7F)
    if opcode.isControl {
      guard final else { throw Violation.protocol("a control frame is fragmented") }
      guard length <= 125 else { throw Violation.protocol("a control frame is longer than 125 bytes") }
    }
    if length == 126 {
      guard let long: UInt16 = buffer.getInteger(at: start + 2) else { return nil }
      guard long > 125 else { throw Violation.protocol("a length is not in its shortest form") }
      (length, size) = (Int(long), 4)
    } else if length == 127 {
      guard let long: UInt64 = buffer.getInteger(at: start + 2) else { return nil }
      guard long > 0xFFFF, long >> 63 == 0 else { throw Violation.protocol("a length is not in its shortest form") }
      (length, size) = (Int(long), 10)
    }
    if !opcode.isControl {
      guard (opcode == .continuation) == (open != nil) else {
        throw Violation.protocol(open == nil ? "a continuation has no message" : "a message begins inside another")
      }
      guard length <= messageLimit - (open?.bytes.readableBytes ?? 0) else {
        throw Violation(closeCode: WebSocketCloseCode.tooLarge, description: "a message is larger than \(messageLimit) bytes")
      }
    }
    guard isMasked else { return Header(final: final, opcode: opcode, length: length, mask: nil, size: size) }
    guard let mask: UInt32 = buffer.getInteger(at: start + size) else { return nil }
    return Header(final: final, opcode: opcode, length: length, mask: mask, size: size + 4)
  }

  private mutating func data(_ header: Header, _ payload: ByteBuffer) throws -> WebSocketEvent? {
    var payload: ByteBuffer = payload
    if open == nil {
      if header.final { return try message(header.opcode, payload) }
      open = (header.opcode, payload)
      return nil
    }
    open?.bytes.writeBuffer(&payload)
    guard header.final, let (opcode, bytes) = open else { return nil }
    open = nil
    return try message(opcode, bytes)
  }

  private func message(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer) throws -> WebSocketEvent {
    guard opcode == .text else { return .binary(bytes) }
    guard Self.isText(bytes) else { throw Violation(closeCode: WebSocketCloseCode.invalidData, description: "a text is not UTF-8") }
    return .text(bytes)
  }

  private mutating func control(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) throws -> WebSocketEvent {
    var payload: ByteBuffer = payload
    switch opcode {
    case .ping: return .ping(payload)
    case .pong: return .pong(payload)
    default: break
    }
    isOver = true
    guard payload.readableBytes > 0 else { return .close(code: WebSocketCloseCode.none, reason: "") }
    guard let code: UInt16 = payload.readInteger(), WebSocketCloseCode.isValid(code) else {
      throw Violation.protocol("a close frame has no valid code")
    }
    guard Self.isText(payload) else {
      throw Violation(closeCode: WebSocketCloseCode.invalidData, description: "the reason of a close is not UTF-8")
    }
    return .close(code: code, reason: String(buffer: payload))
  }

  private static func isText(_ bytes: ByteBuffer) -> Bool { String(validating: bytes.readableBytesView, as: UTF8.self) != nil }
}

/// XOR with four bytes over and over (section 5.3).
enum WebSocketMask {
  static func apply(_ mask: UInt32, to buffer: inout ByteBuffer) {
    let key: (UInt8, UInt8, UInt8, UInt8) = (
      UInt8(mask >> 24), UInt8(truncatingIfNeeded: mask >> 16), UInt8(truncatingIfNeeded: mask >> 8), UInt8(truncatingIfNeeded: mask)
    )
    buffer.withUnsafeMutableReadableBytes { bytes in
      var index: Int = 0
      while index + 4 <= bytes.count {
        bytes[index] ^= key.0
        bytes[index + 1] ^= key.1
        bytes[index + 2] ^= key.2
        bytes[index + 3] ^= key.3
        index += 4
      }
      let rest: [UInt8] = [key.0, key.1, key.2]
      while index < bytes.count {
        bytes[index] ^= rest[index & 3]
        index += 1
      }
    }
  }
}
