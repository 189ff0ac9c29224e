import NIOCore

/// Encodes header blocks without a dynamic table: the same fields are the same bytes on every connection, so that a block that is
/// sent often is encoded once in the life of the process. Costs 20 bytes where a table would take 2, and nothing to keep.
enum HeaderEncoder {
  /// A table of no bytes, said at the head of a connection's first block: then no change of the peer's SETTINGS_HEADER_TABLE_SIZE
  /// asks for another update (RFC 7541 section 4.2).
  static let emptyTable: UInt8 = 0x20

  static func write(_ fields: [HeaderField], status: Int?, into buffer: inout ByteBuffer) {
    if let status {
      let index: UInt8 = HPACKStaticTable.statusIndex(status)
      if index != 0 {
        buffer.writeInteger(0x80 | index)
      } else {
        // Literal without indexing, name 8 (`:status`).
        buffer.writeInteger(UInt8(0x08))
        writeString(String(status), into: &buffer)
      }
    }
    for field in fields { write(field, into: &buffer) }
  }

  private static func write(_ field: HeaderField, into buffer: inout ByteBuffer) {
    let pattern: UInt8 = field.sensitive ? 0x10 : 0x00
    if let index: UInt8 = HPACKStaticTable.nameIndex[field.name] {
      writeInteger(Int(index), prefix: 4, pattern: pattern, into: &buffer)
    } else {
      buffer.writeInteger(pattern)
      writeString(field.name, into: &buffer)
    }
    writeString(field.value, into: &buffer)
  }

  static func writeInteger(_ value: Int, prefix: Int, pattern: UInt8, into buffer: inout ByteBuffer) {
    let mask: Int = 1 << prefix - 1
    if value < mask {
      buffer.writeInteger(pattern | UInt8(value))
      return
    }
    buffer.writeInteger(pattern | UInt8(mask))
    var rest: Int = value - mask
    while rest >= 0x80 {
      buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    buffer.writeInteger(UInt8(rest))
  }

  /// Line breaks inside a value would start a field of the sender's choice behind a proxy that speaks HTTP/1.1: they become spaces.
  private static func writeString(_ text: String, into buffer: inout ByteBuffer) {
    writeInteger(text.utf8.count, prefix: 7, pattern: 0, into: &buffer)
    if text.utf8.contains(where: { $0 == 13 || $0 == 10 || $0 == 0 }) {
      buffer.writeBytes(text.utf8.map { $0 == 13 || $0 == 10 || $0 == 0 ? 32 : $0 })
    } else {
      buffer.writeString(text)
    }
  }
}
