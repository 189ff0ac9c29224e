import NIOCore

/// Frames that are sent (RFC 6455 section 5.2). Messages go out whole, in one frame each.
public enum WebSocketEncoder {
  /// `mask`: a fresh one from a secure source for every frame of a client (section 10.3), nil for a server's. `front`: bytes of the
  /// payload that stand before `payload`, so that a byte in front of a large buffer costs no copy of it.
  public static func write(
    _ opcode: WebSocketOpcode, final: Bool = true, front: [UInt8] = [], _ payload: ByteBuffer, mask: UInt32? = nil,
    to buffer: inout ByteBuffer
  ) {
    let length: Int = front.count + payload.readableBytes
    buffer.writeInteger((final ? 0x80 : 0) | opcode.rawValue)
    let bit: UInt8 = mask == nil ? 0 : 0x80
    if length <= 125 {
      buffer.writeInteger(bit | UInt8(length))
    } else if length <= 0xFFFF {
      buffer.writeInteger(bit | 126)
      buffer.writeInteger(UInt16(length))
    } else {
      buffer.writeInteger(bit | 127)
      buffer.writeInteger(UInt64(length))
    }
    var payload: ByteBuffer = payload
    guard let mask else {
      buffer.writeBytes(front)
      buffer.writeBuffer(&payload)
      return
    }
    buffer.writeInteger(mask)
    var whole = ByteBuffer(bytes: front)
    whole.writeBuffer(&payload)
    WebSocketMask.apply(mask, to: &whole)
    buffer.writeBuffer(&whole)
  }

  /// The reason is cut to what a control frame holds.
  public static func close(_ code: UInt16, _ reason: String = "", mask: UInt32? = nil) -> ByteBuffer {
    var payload = ByteBuffer()
    if code != WebSocketCloseCode.none {
      payload.writeInteger(code)
      var text: Substring = reason[...]
      while text.utf8.count > 123 { text.removeLast() }
      payload.writeSubstring(text)
    }
    var frame = ByteBuffer()
    write(.close, payload, mask: mask, to: &frame)
    return frame
  }
}
