extension JSONParser {
  /// The rest of a string after its opening quote. A string without an escape is taken straight from the document.
  mutating func string() throws(Failure) -> String {
    let start: Int = index
    var ascii: Bool = true
    try skipPlain(&ascii)
    if base[index] == UInt8(ascii: "\"") {
      index += 1
      return try make(UnsafeBufferPointer(start: base + start, count: index - 1 - start), ascii: ascii, at: start)
    }
    text.removeAll()
    var plain: Int = start
    while true {
      for position in plain..<index { text.push(base[position]) }
      if base[index] == UInt8(ascii: "\"") {
        index += 1
        return try make(text.buffer, ascii: ascii, at: start)
      }
      index += 1
      try escape(&ascii)
      plain = index
      try skipPlain(&ascii)
    }
  }

  /// Forward to the next quote or backslash, eight bytes at a time while they are plain ASCII.
  private mutating func skipPlain(_ ascii: inout Bool) throws(Failure) {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    while index + 8 <= count {
      let word: UInt64 = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self).littleEndian
      let quotes: UInt64 = word ^ (ones &* 0x22)
      let slashes: UInt64 = word ^ (ones &* 0x5C)
      // A byte's top bit comes out set where the byte is below 0x20, a quote, a backslash, or not ASCII (exact for the lowest one,
      // which is the one that is used).
      let special: UInt64 =
        (((word &- (ones &* 0x20)) & ~word) | ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes) | word) & tops
      if special == 0 {
        index += 8
        continue
      }
      index += special.trailingZeroBitCount / 8
      let byte: UInt8 = base[index]
      if byte < 0x80 { break }
      ascii = false
      index += 1
    }
    while index < count {
      let byte: UInt8 = base[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      if byte < 0x20 { throw fail(.control) }
      if byte >= 0x80 { ascii = false }
      index += 1
    }
    throw fail(.end)
  }

  @inline(__always)
  private func make(_ bytes: UnsafeBufferPointer<UInt8>, ascii: Bool, at start: Int) throws(Failure) -> String {
    if ascii { return String(decoding: bytes, as: UTF8.self) }
    guard let string = String(validating: bytes, as: UTF8.self) else { throw Failure(reason: .utf8, offset: start) }
    return string
  }

  private mutating func escape(_ ascii: inout Bool) throws(Failure) {
    guard index < count else { throw fail(.end) }
    let byte: UInt8 = base[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.push(byte)
    case UInt8(ascii: "b"): text.push(0x08)
    case UInt8(ascii: "f"): text.push(0x0C)
    case UInt8(ascii: "n"): text.push(0x0A)
    case UInt8(ascii: "r"): text.push(0x0D)
    case UInt8(ascii: "t"): text.push(0x09)
    case UInt8(ascii: "u"):
      var code: UInt32 = try hexadecimal()
      if code & 0xFC00 == 0xDC00 { throw Failure(reason: .surrogate, offset: index - 4) }
      if code & 0xFC00 == 0xD800 {
        guard index + 1 < count, base[index] == UInt8(ascii: "\\"), base[index + 1] == UInt8(ascii: "u") else {
          throw Failure(reason: .surrogate, offset: index - 4)
        }
        index += 2
        let low: UInt32 = try hexadecimal()
        guard low & 0xFC00 == 0xDC00 else { throw Failure(reason: .surrogate, offset: index - 4) }
        code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
      }
      if code >= 0x80 { ascii = false }
      push(scalar: code)
    default:
      index -= 1
      throw fail(.escape)
    }
  }

  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    guard index + 4 <= count else { throw Failure(reason: .escape, offset: index) }
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte: UInt8 = base[index]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw fail(.escape)
      }
      code = code << 4 | UInt32(digit)
      index += 1
    }
    return code
  }

  private mutating func push(scalar code: UInt32) {
    func continuation(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (code >> shift & 0x3F)) }
    switch code {
    case ..<0x80: text.push(UInt8(code))
    case ..<0x800:
      text.push(UInt8(0xC0 | code >> 6))
      text.push(continuation(0))
    case ..<0x10000:
      text.push(UInt8(0xE0 | code >> 12))
      text.push(continuation(6))
      text.push(continuation(0))
    default:
      text.push(UInt8(0xF0 | code >> 18))
      text.push(continuation(12))
      text.push(continuation(6))
      text.push(continuation(0))
    }
  }
}
