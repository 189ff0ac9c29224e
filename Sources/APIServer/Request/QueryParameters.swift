import KubeModel

/// The query of a request target: `name=value` pairs, percent- and plus-decoded, in order.
struct QueryParameters: Sendable {
  let pairs: [(name: String, value: String)]

  init(_ query: Substring) {
    pairs = query.split(separator: "&").map { part in
      let halves: [Substring] = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        PercentCoding.decode(halves[0], plusIsSpace: true), halves.count > 1 ? PercentCoding.decode(halves[1], plusIsSpace: true) : ""
      )
    }
  }

  /// The first value of that name; an empty one counts as absent, as Kubernetes' conversions treat it.
  subscript(name: String) -> String? {
    guard let value: String = pairs.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
    return value
  }
  func has(_ name: String) -> Bool { pairs.contains { $0.name == name } }
  func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }

  /// `?watch`, `?watch=1` and `?watch=true` are true, as Kubernetes reads booleans in queries.
  func flag(_ name: String) -> Bool {
    guard let value: String = pairs.first(where: { $0.name == name })?.value else { return false }
    return !["false", "0"].contains(value.lowercased())
  }

  func integer(_ name: String) throws -> Int64? {
    guard let text: String = self[name] else { return nil }
    guard let value = Int64(text) else {
      throw KubeStatus.badRequest("the query parameter \(name) must be a whole number, not \"\(text)\"")
    }
    return value
  }
}

/// RFC 3986 section 2.1.
enum PercentCoding {
  /// Everything but unreserved characters (section 2.3) is encoded.
  static func encode(_ text: String) -> String {
    var out: String = ""
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.unicodeScalars.append(Unicode.Scalar(byte))
      default: out += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return out
  }

  static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String {
    guard text.utf8.contains(where: { $0 == 37 || $0 == 43 }) else { return String(text) }
    var bytes: [UInt8] = []
    let source: [UInt8] = Array(text.utf8)
    var index: Int = 0
    func hex(_ byte: UInt8) -> UInt8? {
      switch byte {
      case 48...57: byte - 48
      case 65...70: byte - 55
      case 97...102: byte - 87
      default: nil
      }
    }
    while index < source.count {
      if source[index] == 37, index + 2 < source.count, let high = hex(source[index + 1]), let low = hex(source[index + 2]) {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(plusIsSpace && source[index] == 43 ? 32 : source[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
