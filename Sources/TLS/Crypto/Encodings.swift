import Primitives

/// Lower-case hexadecimal.
public enum Hexadecimal {
  private static let digits: Bytes = Bytes("0123456789abcdef")

  public static func encode(_ bytes: Bytes) -> String {
    String(unsafeUninitializedCapacity: bytes.count * 2) { text in
      for (index, byte) in bytes.enumerated() {
        text[index * 2] = digits[Int(byte >> 4)]
        text[index * 2 + 1] = digits[Int(byte & 15)]
      }
      return bytes.count * 2
    }
  }

  /// Nil unless `text` is pairs of hexadecimal digits in either case.
  public static func decode(_ text: String) -> Bytes? {
    func value(_ digit: UInt8) -> UInt8? {
      switch digit {
      case 48...57: digit - 48
      case 97...102: digit - 87
      case 65...70: digit - 55
      default: nil
      }
    }
    let text: Bytes = Bytes(text)
    guard text.count % 2 == 0 else { return nil }
    var bytes: Bytes = []
    bytes.reserveCapacity(text.count / 2)
    for index in stride(from: 0, to: text.count, by: 2) {
      guard let high = value(text[index]), let low = value(text[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}

/// RFC 4648, strict: no white space, padding exactly where the alphabet's form wants it, unused bits zero (section 3.5), so that
/// every value has one encoding. Not for secrets that an attacker on the same machine may time.
public enum Base64 {
  public enum Alphabet: Sendable {
    /// Section 4, padded: what Kubernetes Secrets, kubeconfigs and etcd's JSON carry.
    case standard
    /// Section 5 without padding: JSON Web Tokens (RFC 7515 section 2).
    case url
  }

  private static let standard: Bytes = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  private static let url: Bytes = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
  private static let standardValues: Bytes = inverse(standard)
  private static let urlValues: Bytes = inverse(url)

  private static func inverse(_ letters: Bytes) -> Bytes {
    var values = Bytes(repeating: 0xFF, count: 256)
    for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
    return values
  }

  public static func encode(_ bytes: Bytes, _ alphabet: Alphabet = .standard) -> String {
    let letters: Bytes = alphabet == .standard ? standard : url
    var text: Bytes = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index: Int = 0
    while index < bytes.count {
      let left: Int = min(3, bytes.count - index)
      var word: Int = Int(bytes[index]) << 16
      if left > 1 { word |= Int(bytes[index + 1]) << 8 }
      if left > 2 { word |= Int(bytes[index + 2]) }
      for letter in 0...left { text.append(letters[word >> (18 - 6 * letter) & 63]) }
      if alphabet == .standard { for _ in left..<3 { text.append(61) } }
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for anything that `encode` would not have written.
  public static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> Bytes? { decode(Bytes(text), alphabet) }

  public static func decode(_ text: Bytes, _ alphabet: Alphabet = .standard) -> Bytes? {
    let values: Bytes = alphabet == .standard ? standardValues : urlValues
    var count: Int = text.count
    if alphabet == .standard {
      guard count % 4 == 0 else { return nil }
      if count > 0, text[count - 1] == 61 { count -= text[count - 2] == 61 ? 2 : 1 }
    }
    guard count % 4 != 1 else { return nil }
    var bytes: Bytes = []
    bytes.reserveCapacity(count * 3 / 4)
    var word: UInt32 = 0
    var bits: Int = 0
    for letter in text[..<count] {
      let value: UInt8 = values[Int(letter)]
      guard value != 0xFF else { return nil }
      word = word << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
      }
    }
    guard word & ((1 << UInt32(bits)) - 1) == 0 else { return nil }
    return bytes
  }
}
