import Primitives

extension JSONValue {
  /// The document's bytes without white space, members in their order. Escapes only what RFC 8259 demands; numbers as Go's
  /// encoding/json writes them (`1.5`, `1e-7`, `1e+21`, a whole double without a fraction).
  public func serialized() -> Bytes {
    var writer = JSONWriter()
    writer.write(self)
    return writer.finish()
  }

  /// Appends the document to `bytes`.
  public func serialize(into bytes: inout Bytes) {
    var writer = JSONWriter()
    writer.write(self)
    writer.finish(into: &bytes)
  }

  /// The document with two spaces of indentation: for people and golden files.
  public func pretty() -> String {
    var writer = JSONWriter()
    writer.writePretty(self, indentation: 0)
    return writer.finish().text
  }
}

/// Grows one buffer by doubling and copies it out once. Used for one document, then finished.
struct JSONWriter {
  private var memory: UnsafeMutablePointer<UInt8> = .allocate(capacity: 512)
  private var capacity: Int = 512
  private var count: Int = 0

  mutating func finish() -> Bytes {
    defer { memory.deallocate() }
    return Bytes(UnsafeBufferPointer(start: memory, count: count))
  }

  mutating func finish(into bytes: inout Bytes) {
    defer { memory.deallocate() }
    bytes.append(contentsOf: UnsafeBufferPointer(start: memory, count: count))
  }

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: put(word: "null")
    case .bool(let flag): put(word: flag ? "true" : "false")
    case .int(let number): put(number)
    case .double(let number): put(number)
    case .string(let text): put(string: text)
    case .array(let elements):
      put(byte: UInt8(ascii: "["))
      var first: Bool = true
      for element in elements {
        if !first { put(byte: UInt8(ascii: ",")) }
        first = false
        write(element)
      }
      put(byte: UInt8(ascii: "]"))
    case .object(let object):
      put(byte: UInt8(ascii: "{"))
      var first: Bool = true
      for member in object.members {
        if !first { put(byte: UInt8(ascii: ",")) }
        first = false
        put(string: member.key)
        put(byte: UInt8(ascii: ":"))
        write(member.value)
      }
      put(byte: UInt8(ascii: "}"))
    }
  }

  mutating func writePretty(_ value: JSONValue, indentation: Int) {
    func newline(_ depth: Int, _ writer: inout JSONWriter) {
      writer.put(byte: 0x0A)
      for _ in 0..<depth { writer.put(word: "  ") }
    }
    switch value {
    case .array(let elements) where !elements.isEmpty:
      put(byte: UInt8(ascii: "["))
      for (position, element) in elements.enumerated() {
        if position > 0 { put(byte: UInt8(ascii: ",")) }
        newline(indentation + 1, &self)
        writePretty(element, indentation: indentation + 1)
      }
      newline(indentation, &self)
      put(byte: UInt8(ascii: "]"))
    case .object(let object) where !object.isEmpty:
      put(byte: UInt8(ascii: "{"))
      for (position, member) in object.members.enumerated() {
        if position > 0 { put(byte: UInt8(ascii: ",")) }
        newline(indentation + 1, &self)
        put(string: member.key)
        put(word: ": ")
        writePretty(member.value, indentation: indentation + 1)
      }
      newline(indentation, &self)
      put(byte: UInt8(ascii: "}"))
    default: write(value)
    }
  }

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if count + more > capacity { grow(more) }
  }

  private mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    let larger: UnsafeMutablePointer<UInt8> = .allocate(capacity: capacity)
    larger.update(from: memory, count: count)
    memory.deallocate()
    memory = larger
  }

  @inline(__always)
  private mutating func put(byte: UInt8) {
    reserve(1)
    memory[count] = byte
    count += 1
  }

  private mutating func put(word: StaticString) {
    reserve(word.utf8CodeUnitCount)
    (memory + count).update(from: word.utf8Start, count: word.utf8CodeUnitCount)
    count += word.utf8CodeUnitCount
  }

  private mutating func put(_ number: Int64) {
    var digits: Int = 0
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { buffer in
      var rest: UInt64 = number.magnitude
      repeat {
        buffer[digits] = UInt8(rest % 10) + UInt8(ascii: "0")
        rest /= 10
        digits += 1
      } while rest > 0
      if number < 0 {
        buffer[digits] = UInt8(ascii: "-")
        digits += 1
      }
      reserve(digits)
      for position in 0..<digits { memory[count + position] = buffer[digits - 1 - position] }
    }
    count += digits
  }

  private mutating func put(_ number: Double) {
    guard number.isFinite else { return put(word: "null") }  // JSON has no such number, and the parser makes none
    for byte in JSONNumbers.text(number).utf8 { put(byte: byte) }
  }

  private mutating func put(string text: String) {
    var text: String = text
    text.withUTF8 { bytes in
      // The worst byte becomes six.
      reserve(bytes.count * 6 + 2)
      let target: UnsafeMutablePointer<UInt8> = memory
      var end: Int = count
      target[end] = UInt8(ascii: "\"")
      end += 1
      for byte in bytes {
        if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
          target[end] = byte
          end += 1
          continue
        }
        target[end] = UInt8(ascii: "\\")
        end += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): target[end] = byte
        case 0x08: target[end] = UInt8(ascii: "b")
        case 0x09: target[end] = UInt8(ascii: "t")
        case 0x0A: target[end] = UInt8(ascii: "n")
        case 0x0C: target[end] = UInt8(ascii: "f")
        case 0x0D: target[end] = UInt8(ascii: "r")
        default:
          target[end] = UInt8(ascii: "u")
          target[end + 1] = UInt8(ascii: "0")
          target[end + 2] = UInt8(ascii: "0")
          target[end + 3] = UInt8(ascii: "0") + byte >> 4
          target[end + 4] = byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + (byte & 15 - 10)
          end += 4
        }
        end += 1
      }
      target[end] = UInt8(ascii: "\"")
      count = end + 1
    }
  }
}

enum JSONNumbers {
  /// Go's encoding/json: plain digits from 1e-6 up to 1e21, otherwise an exponent without a leading zero.
  static func text(_ number: Double) -> String {
    let shortest: String = number.magnitude.description  // the fewest digits that read back equally: 12.5, 5.0, 1e-07, 1e+16
    let parts: [Substring] = shortest.split(separator: "e")
    let mantissa: [Substring] = parts[0].split(separator: ".")
    var exponent: Int = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    var digits: [Character] = Array(mantissa[0])
    exponent += digits.count
    if mantissa.count > 1, mantissa[1] != "0" { digits += Array(mantissa[1]) }
    while digits.count > 1, digits.first == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    let sign: String = number.sign == .minus ? "-" : ""
    // Zero has no sign in a JSON document: -0 would be read back as the integer 0.
    if digits == ["0"] { return "0" }
    // The value is 0.DIGITS times ten to the exponent.
    if number.magnitude < 1e-6 || number.magnitude >= 1e21 {
      let fraction: String = digits.count > 1 ? "." + String(digits.dropFirst()) : ""
      let power: Int = exponent - 1
      return "\(sign)\(digits[0])\(fraction)e\(power < 0 ? "-" : "+")\(abs(power))"
    }
    if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + String(digits) }
    if digits.count <= exponent { return sign + String(digits) + String(repeating: "0", count: exponent - digits.count) }
    return sign + String(digits[..<exponent]) + "." + String(digits[exponent...])
  }
}
