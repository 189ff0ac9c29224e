/// The path and query of a request, percent-encoded (RFC 3986 §2).
struct RequestTarget {
  private(set) var text: String
  private var separator: Character = "?"

  /// `path` is already made of segments that are valid names.
  init(path: String) { text = Self.encode(path, keepingSlashes: true) }

  mutating func add(_ name: String, _ value: String?) {
    guard let value, !value.isEmpty else { return }
    text.append(separator)
    text += name + "=" + Self.encode(value, keepingSlashes: false)
    separator = "&"
  }

  static func encode(_ value: String, keepingSlashes: Bool) -> String {
    var text: String = ""
    text.reserveCapacity(value.utf8.count)
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "/") where keepingSlashes, UInt8(ascii: ":") where keepingSlashes:
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits: String = String(byte, radix: 16, uppercase: true)
        text += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return text
  }
}
