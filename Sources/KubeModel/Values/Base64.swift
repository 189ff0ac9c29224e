import Primitives

/// RFC 4648 §4, with padding: what Secrets' values and binary ConfigMap data are written in.
public enum Base64 {
  private static let alphabet: Bytes = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

  public static func encode(_ bytes: Bytes) -> String {
    var text: Bytes = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index: Int = 0
    while index < bytes.count {
      let rest: Int = bytes.count - index
      let word: UInt32 =
        UInt32(bytes[index]) << 16 | (rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0) | (rest > 2 ? UInt32(bytes[index + 2]) : 0)
      text.append(alphabet[Int(word >> 18)])
      text.append(alphabet[Int(word >> 12 & 63)])
      text.append(rest > 1 ? alphabet[Int(word >> 6 & 63)] : UInt8(ascii: "="))
      text.append(rest > 2 ? alphabet[Int(word & 63)] : UInt8(ascii: "="))
      index += 3
    }
    return text.text
  }

  /// Nil for anything that is not base64; line ends are skipped as Go skips them.
  public static func decode(_ text: String) -> Bytes? {
    var bytes: Bytes = []
    var word: UInt32 = 0
    var digits: Int = 0
    var padding: Int = 0
    for byte in text.utf8 where byte != 0x0A && byte != 0x0D {
      if byte == UInt8(ascii: "=") {
        padding += 1
        digits += 1
        word <<= 6
      } else {
        guard padding == 0, let value: UInt32 = value(byte) else { return nil }
        word = word << 6 | value
        digits += 1
      }
      if digits == 4 {
        guard padding < 3 else { return nil }
        bytes.append(UInt8(truncatingIfNeeded: word >> 16))
        if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: word >> 8)) }
        if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: word)) }
        word = 0
        digits = 0
      }
    }
    return digits == 0 ? bytes : nil
  }

  public static func isValid(_ text: String) -> Bool { decode(text) != nil }

  /// The offset that Go's decoder would name.
  static func firstInvalid(_ text: String) -> Int {
    text.utf8.enumerated().first { value($0.element) == nil && $0.element != UInt8(ascii: "=") }?.offset ?? text.utf8.count
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - 65)
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - 71)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte + 4)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
