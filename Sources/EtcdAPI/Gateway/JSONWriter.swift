import Primitives

/// Writes JSON from left to right; commas come by themselves.
struct JSONWriter {
  private(set) var bytes: Bytes = []
  private var needsComma: Bool = false
  private static let digits = Bytes("0123456789abcdef")

  init() {}

  private mutating func separate() { if needsComma { bytes.append(UInt8(ascii: ",")) } }

  mutating func beginObject() { begin(UInt8(ascii: "{")) }
  mutating func endObject() { end(UInt8(ascii: "}")) }
  mutating func beginArray() { begin(UInt8(ascii: "[")) }
  mutating func endArray() { end(UInt8(ascii: "]")) }

  private mutating func begin(_ character: UInt8) {
    separate()
    bytes.append(character)
    needsComma = false
  }

  private mutating func end(_ character: UInt8) {
    bytes.append(character)
    needsComma = true
  }

  mutating func name(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// A number or a word.
  mutating func raw(_ text: String) {
    separate()
    bytes += Bytes(text)
    needsComma = true
  }

  mutating func string(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 10: bytes += Bytes("\\n")
      case 13: bytes += Bytes("\\r")
      case 9: bytes += Bytes("\\t")
      case 0..<0x20, 0x7F:
        bytes += Bytes("\\u00")
        bytes += [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }
}
