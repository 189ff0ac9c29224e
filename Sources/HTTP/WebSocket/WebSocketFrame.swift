import NIOCore
import Primitives

/// RFC 6455 section 11.8.
public enum WebSocketOpcode: UInt8, Sendable {
  case continuation = 0x0
  case text = 0x1
  case binary = 0x2
  case close = 0x8
  case ping = 0x9
  case pong = 0xA

  var isControl: Bool { rawValue >= 0x8 }
}

/// Why a connection is closed (RFC 6455 section 7.4.1).
public enum WebSocketCloseCode {
  public static let normal: UInt16 = 1000
  public static let goingAway: UInt16 = 1001
  public static let protocolError: UInt16 = 1002
  public static let unsupportedData: UInt16 = 1003
  /// Never on the wire: the peer gave no reason.
  public static let none: UInt16 = 1005
  public static let invalidData: UInt16 = 1007
  public static let tooLarge: UInt16 = 1009
  public static let internalError: UInt16 = 1011

  /// May be sent in a close frame.
  static func isValid(_ code: UInt16) -> Bool {
    (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
  }
}

/// What arrives: whole messages and control frames.
public enum WebSocketEvent: Hashable, Sendable {
  case text(ByteBuffer)
  case binary(ByteBuffer)
  case ping(ByteBuffer)
  case pong(ByteBuffer)
  /// The peer closes; `reason` is UTF-8 text for logs.
  case close(code: UInt16, reason: String)
}

/// Which end of the connection this is: clients mask what they send, servers do not, and each refuses the other (section 5.1).
public enum WebSocketRole: Sendable { case client, server }
