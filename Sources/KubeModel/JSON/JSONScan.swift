import Primitives

/// Finds members in a document's bytes without building a tree: for stored objects, of which a list or a watch needs three fields of a
/// hundred. It steps over values by brackets and quotes only, so it expects bytes that `JSONValue.parse` took or `serialized()`
/// made; other bytes give wrong answers, never a read out of bounds.
public struct JSONScan {
  private let bytes: UnsafeRawBufferPointer

  /// The bytes must outlive the scan.
  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Where the value at `path` lies (objects only on the way), or nil if a member is missing.
  public func range(_ path: String...) -> Range<Int>? { range(path) }

  public func range(_ path: [String]) -> Range<Int>? {
    var start: Int = skipSpace(0)
    for name in path {
      guard let value: Int = member(name, ofObjectAt: start) else { return nil }
      start = value
    }
    let end: Int = skipValue(start)
    return end > start ? start..<end : nil
  }

  /// The string at `path`; nil if it is missing or of another type.
  public func string(_ path: String...) -> String? { string(path) }

  public func string(_ path: [String]) -> String? {
    guard let range: Range<Int> = range(path) else { return nil }
    return text(range)
  }

  /// The value at `path` as a tree.
  public func value(_ path: String...) -> JSONValue? {
    guard let range: Range<Int> = range(path) else { return nil }
    return try? JSONValue.parse(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// The string members of the object at `path`, such as labels.
  public func stringMap(_ path: String...) -> [String: String] {
    guard let range: Range<Int> = range(path), bytes[range.lowerBound] == UInt8(ascii: "{") else { return [:] }
    var map: [String: String] = [:]
    forEachMember(ofObjectAt: range.lowerBound) { key, value in
      if let key: String = text(key), let value: String = text(value) { map[key] = value }
      return true
    }
    return map
  }

  /// Calls `body` with the ranges of each name (quotes included) and value until it returns false.
  func forEachMember(ofObjectAt start: Int, _ body: (Range<Int>, Range<Int>) -> Bool) {
    guard start < bytes.count, bytes[start] == UInt8(ascii: "{") else { return }
    var index: Int = skipSpace(start + 1)
    while index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
      let keyEnd: Int = skipValue(index)
      var value: Int = skipSpace(keyEnd)
      guard value < bytes.count, bytes[value] == UInt8(ascii: ":") else { return }
      value = skipSpace(value + 1)
      let end: Int = skipValue(value)
      guard end > value, body(index..<keyEnd, value..<end) else { return }
      index = skipSpace(end)
      guard index < bytes.count, bytes[index] == UInt8(ascii: ",") else { return }
      index = skipSpace(index + 1)
    }
  }

  private func member(_ name: String, ofObjectAt start: Int) -> Int? {
    var found: Int?
    forEachMember(ofObjectAt: start) { key, value in
      guard equals(key, name) else { return true }
      found = value.lowerBound
      return false
    }
    return found
  }

  private func equals(_ quoted: Range<Int>, _ name: String) -> Bool {
    var name: String = name
    return name.withUTF8 { wanted in
      guard quoted.count == wanted.count + 2 else { return false }
      for position in 0..<wanted.count where bytes[quoted.lowerBound + 1 + position] != wanted[position] { return false }
      return true
    }
  }

  func text(_ range: Range<Int>) -> String? {
    guard range.count >= 2, bytes[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
    let inner = UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound + 1..<range.upperBound - 1])
    if !inner.contains(UInt8(ascii: "\\")) { return String(decoding: inner, as: UTF8.self) }
    return (try? JSONValue.parse(UnsafeRawBufferPointer(rebasing: bytes[range])))?.string
  }

  private func skipSpace(_ start: Int) -> Int {
    var index: Int = start
    while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
    return index
  }

  /// The offset after the value that begins at `start`.
  private func skipValue(_ start: Int) -> Int {
    guard start < bytes.count else { return start }
    switch bytes[start] {
    case UInt8(ascii: "\""): return skipString(start)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      var depth: Int = 0
      var index: Int = start
      while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "\""):
          index = skipString(index)
          continue
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
          depth -= 1
          if depth == 0 { return index + 1 }
        default: break
        }
        index += 1
      }
      return index
    default:
      var index: Int = start
      while index < bytes.count {
        let byte: UInt8 = bytes[index]
        if byte <= 0x20 || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { break }
        index += 1
      }
      return index
    }
  }

  private func skipString(_ start: Int) -> Int {
    var index: Int = start + 1
    while index < bytes.count {
      let byte: UInt8 = bytes[index]
      if byte == UInt8(ascii: "\"") { return index + 1 }
      index += byte == UInt8(ascii: "\\") ? 2 : 1
    }
    return bytes.count
  }
}

extension JSONScan {
  /// A scan of an array's bytes.
  public static func with<Result>(_ bytes: Bytes, _ body: (JSONScan) throws -> Result) rethrows -> Result {
    try bytes.withUnsafeBytes { try body(JSONScan($0)) }
  }
}
