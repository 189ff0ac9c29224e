import Primitives

/// A JSON text (RFC 8259) as a tree, numbers as they are written: 64-bit integers are read from their digits, never from a Double. Strict;
/// nesting is bounded.
enum JSONTree: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONTree])
  /// Each name once, as protobuf's JSON form has it.
  case object([String: JSONTree])

  init(_ bytes: Bytes) throws(JSONFault) {
    var reader = JSONReader(bytes)
    self = try reader.value(depth: 0)
    try reader.end()
  }
}

/// Why a text is no JSON, and where.
struct JSONFault: Error, Hashable, CustomStringConvertible {
  var reason: String
  var offset: Int
  var description: String { "\(reason) at byte \(offset)" }
}

struct JSONReader {
  private let bytes: Bytes
  private var place: Int = 0

  init(_ bytes: Bytes) { self.bytes = bytes }

  private func fault(_ reason: String) -> JSONFault { JSONFault(reason: reason, offset: place) }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
  }

  mutating func end() throws(JSONFault) {
    skipSpace()
    guard place == bytes.count else { throw fault("text after the value") }
  }

  mutating func value(depth: Int) throws(JSONFault) -> JSONTree {
    guard depth < EtcdLimits.jsonDepth else { throw fault("values nested deeper than \(EtcdLimits.jsonDepth)") }
    skipSpace()
    guard place < bytes.count else { throw fault("unexpected end") }
    switch bytes[place] {
    case UInt8(ascii: "{"): return try object(depth)
    case UInt8(ascii: "["): return try array(depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func word(_ text: String, _ value: JSONTree) throws(JSONFault) -> JSONTree {
    let wanted = Bytes(text)
    guard bytes[place...].starts(with: wanted) else { throw fault("unknown word") }
    place += wanted.count
    return value
  }

  private mutating func object(_ depth: Int) throws(JSONFault) -> JSONTree {
    var fields: [String: JSONTree] = [:]
    place += 1
    skipSpace()
    if take("}") { return .object(fields) }
    while true {
      skipSpace()
      guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { throw fault("a name was expected") }
      let name: String = try string()
      skipSpace()
      guard take(":") else { throw fault("a colon was expected") }
      guard fields[name] == nil else { throw fault("duplicate field \"\(name)\"") }
      fields[name] = try value(depth: depth + 1)
      skipSpace()
      if take("}") { return .object(fields) }
      guard take(",") else { throw fault("a comma or } was expected") }
    }
  }

  private mutating func array(_ depth: Int) throws(JSONFault) -> JSONTree {
    var values: [JSONTree] = []
    place += 1
    skipSpace()
    if take("]") { return .array(values) }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(values) }
      guard take(",") else { throw fault("a comma or ] was expected") }
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func digits() -> Int {
    let start: Int = place
    while place < bytes.count, (48...57).contains(bytes[place]) { place += 1 }
    return place - start
  }

  private mutating func number() throws(JSONFault) -> String {
    let start: Int = place
    _ = take("-")
    let leading: Int = place
    guard digits() > 0, bytes[leading] != 48 || place == leading + 1 else { throw fault("a value was expected") }
    if take("."), digits() == 0 { throw fault("a digit was expected") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw fault("a digit was expected") }
    }
    return Bytes(bytes[start..<place]).text
  }

  private mutating func string() throws(JSONFault) -> String {
    place += 1
    var text: Bytes = []
    while place < bytes.count {
      let byte: UInt8 = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let valid = String(validating: text, as: UTF8.self) else { throw fault("text that is not UTF-8") }
        return valid
      case UInt8(ascii: "\\"): try escape(&text)
      case 0..<0x20: throw fault("a control character inside a string")
      default: text.append(byte)
      }
    }
    throw fault("unexpected end of a string")
  }

  private mutating func escape(_ text: inout Bytes) throws(JSONFault) {
    guard place < bytes.count else { throw fault("unexpected end of a string") }
    let byte: UInt8 = bytes[place]
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(8)
    case UInt8(ascii: "f"): text.append(12)
    case UInt8(ascii: "n"): text.append(10)
    case UInt8(ascii: "r"): text.append(13)
    case UInt8(ascii: "t"): text.append(9)
    case UInt8(ascii: "u"):
      var scalar: UInt32 = try unit()
      if (0xD800..<0xDC00).contains(scalar) {
        guard take("\\"), take("u") else { throw fault("half a surrogate pair") }
        let low: UInt32 = try unit()
        guard (0xDC00..<0xE000).contains(low) else { throw fault("half a surrogate pair") }
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let known = Unicode.Scalar(scalar) else { throw fault("half a surrogate pair") }
      text += Bytes(String(Character(known)))
    default: throw fault("an unknown escape")
    }
  }

  private mutating func unit() throws(JSONFault) -> UInt32 {
    guard place + 4 <= bytes.count else { throw fault("unexpected end of a string") }
    var value: UInt32 = 0
    for byte in bytes[place..<place + 4] {
      switch byte {
      case 48...57: value = value << 4 | UInt32(byte - 48)
      case 97...102: value = value << 4 | UInt32(byte - 87)
      case 65...70: value = value << 4 | UInt32(byte - 55)
      default: throw fault("four hexadecimal digits were expected")
      }
    }
    place += 4
    return value
  }
}
