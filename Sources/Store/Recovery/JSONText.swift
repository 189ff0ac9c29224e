import Primitives

/// Writes the few JSON documents of this module: certificates and diverged writes.
struct JSONText {
  private(set) var text: String = ""
  private var isFirst: Bool = true

  mutating func open(_ name: String? = nil) { begin(name, "{") }
  mutating func close() { end("}") }
  mutating func openList(_ name: String) { begin(name, "[") }
  mutating func closeList() { end("]") }

  mutating func text(_ name: String, _ value: String) { literal(name, Self.quoted(value)) }
  mutating func number(_ name: String, _ value: some BinaryInteger) { literal(name, "\(value)") }
  mutating func flag(_ name: String, _ value: Bool) { literal(name, value ? "true" : "false") }

  /// As text where it is UTF-8, otherwise in base64 under `<name>Base64`.
  mutating func bytes(_ name: String, _ value: Bytes) {
    if let text = String(validating: value, as: UTF8.self) { self.text(name, text) } else { text(name + "Base64", Self.base64(value)) }
  }

  mutating func literal(_ name: String?, _ value: String) {
    comma()
    if let name { text += Self.quoted(name) + ":" }
    text += value
  }

  private mutating func begin(_ name: String?, _ bracket: String) {
    literal(name, bracket)
    isFirst = true
  }

  private mutating func end(_ bracket: String) {
    text += bracket
    isFirst = false
  }

  private mutating func comma() {
    if !isFirst { text += "," }
    isFirst = false
  }

  /// RFC 8259 §7.
  static func quoted(_ value: String) -> String {
    var result: String = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// RFC 4648 §4.
  static func base64(_ bytes: Bytes) -> String {
    let alphabet = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var result: Bytes = []
    var place: Int = 0
    while place < bytes.count {
      let left: Int = min(3, bytes.count - place)
      var group: UInt32 = 0
      for offset in 0..<3 { group = group << 8 | (offset < left ? UInt32(bytes[place + offset]) : 0) }
      for digit in 0..<4 {
        result.append(digit <= left ? alphabet[Int(group >> UInt32(18 - 6 * digit)) & 63] : UInt8(ascii: "="))
      }
      place += 3
    }
    return String(decoding: result, as: UTF8.self)
  }
}
