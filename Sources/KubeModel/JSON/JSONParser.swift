import Primitives

extension JSONValue {
  /// Reads one document (RFC 8259, strictly: UTF-8, no lone surrogate, no control character in a string, nothing after the
  /// value). Whole numbers that fit are `.int`, all others `.double`. Of two members with one name the last stays, as in Go.
  /// - Throws: `malformedJSON` or `tooLarge` with the byte's offset.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, maximumBytes: Int = KubeLimits.documentBytes, maximumDepth: Int = KubeLimits.documentDepth
  ) throws(KubeModelError) -> JSONValue {
    try parse(bytes, maximumBytes: maximumBytes, maximumDepth: maximumDepth, reportingDuplicates: false).value
  }

  public static func parse(
    _ bytes: Bytes, maximumBytes: Int = KubeLimits.documentBytes, maximumDepth: Int = KubeLimits.documentDepth
  ) throws(KubeModelError) -> JSONValue {
    try parseReportingDuplicates(bytes, maximumBytes: maximumBytes, maximumDepth: maximumDepth, reporting: false).value
  }

  /// A whole text as a document: for tests, configuration and literals.
  public static func parse(_ text: String) throws(KubeModelError) -> JSONValue { try parse(Bytes(text)) }

  /// Also names every member that occurs twice, by path (`spec.containers[0].image`): `fieldValidation=Strict` refuses these.
  public static func parseReportingDuplicates(
    _ bytes: Bytes, maximumBytes: Int = KubeLimits.documentBytes, maximumDepth: Int = KubeLimits.documentDepth
  ) throws(KubeModelError) -> (value: JSONValue, duplicates: [String]) {
    try parseReportingDuplicates(bytes, maximumBytes: maximumBytes, maximumDepth: maximumDepth, reporting: true)
  }

  private static func parseReportingDuplicates(
    _ bytes: Bytes, maximumBytes: Int, maximumDepth: Int, reporting: Bool
  ) throws(KubeModelError) -> (value: JSONValue, duplicates: [String]) {
    let result: Result<(value: JSONValue, duplicates: [String]), KubeModelError> = bytes.withUnsafeBytes { raw in
      Result { () throws(KubeModelError) in
        try parse(raw, maximumBytes: maximumBytes, maximumDepth: maximumDepth, reportingDuplicates: reporting)
      }
    }
    return try result.get()
  }

  private static func parse(
    _ bytes: UnsafeRawBufferPointer, maximumBytes: Int, maximumDepth: Int, reportingDuplicates: Bool
  ) throws(KubeModelError) -> (value: JSONValue, duplicates: [String]) {
    guard bytes.count <= maximumBytes else {
      throw KubeModelError(.tooLarge, "The document has \(bytes.count) bytes; the limit is \(maximumBytes).")
    }
    var parser = JSONParser(bytes, maximumDepth: maximumDepth, reportingDuplicates: reportingDuplicates)
    defer { parser.release() }
    do {
      let value: JSONValue = try parser.document()
      return (value, parser.duplicates)
    } catch {
      throw KubeModelError(
        error.reason == .depth ? .tooLarge : .malformedJSON, "JSON at byte \(error.offset): \(error.reason.rawValue).")
    }
  }
}

/// Recursive descent over bytes. Finished members and elements wait on two scratch stacks and are moved into an array of the exact
/// size when their container closes: one allocation per container, no copy, no growth.
struct JSONParser {
  enum Reason: String {
    case end = "the document ends in the middle of a value"
    case value = "expected a value (object, array, string, number, true, false or null)"
    case key = "expected a member's name in double quotes"
    case colon = "expected ':' after a member's name"
    case objectSeparator = "expected ',' or '}' in an object"
    case arraySeparator = "expected ',' or ']' in an array"
    case trailing = "something follows after the document's end"
    case literal = "a literal is not true, false or null"
    case number = "a number is not written as RFC 8259 has it"
    case numberRange = "a number is too large for a double"
    case control = "a control character stands in a string without an escape"
    case escape = "an escape in a string is not one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX"
    case surrogate = "a \\u escape is half of a surrogate pair"
    case utf8 = "a string is not UTF-8"
    case depth = "arrays and objects are nested deeper than the limit"
  }
  struct Failure: Error {
    let reason: Reason
    let offset: Int
  }

  let base: UnsafePointer<UInt8>
  let count: Int
  var index: Int = 0
  var depth: Int
  private var members = Scratch<JSONObject.Member>()
  private var elements = Scratch<JSONValue>()
  var text = Scratch<UInt8>()
  private let reportingDuplicates: Bool
  private(set) var duplicates: [String] = []
  private var path: [String] = []

  init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int, reportingDuplicates: Bool) {
    // An empty buffer may have no address; nothing is read through it then.
    base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(bitPattern: 8)!
    count = bytes.count
    depth = maximumDepth
    self.reportingDuplicates = reportingDuplicates
  }

  mutating func release() {
    members.release()
    elements.release()
    text.release()
  }

  mutating func document() throws(Failure) -> JSONValue {
    let result: JSONValue = try value()
    skipSpace()
    guard index == count else { throw fail(.trailing) }
    return result
  }

  func fail(_ reason: Reason) -> Failure { Failure(reason: index >= count && reason != .utf8 ? .end : reason, offset: index) }

  @inline(__always)
  private mutating func skipSpace() {
    while index < count {
      let byte: UInt8 = base[index]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      index += 1
    }
  }

  private mutating func value() throws(Failure) -> JSONValue {
    skipSpace()
    guard index < count else { throw fail(.end) }
    switch base[index] {
    case UInt8(ascii: "\""):
      index += 1
      return .string(try string())
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "t"):
      try literal("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try literal("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try literal("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fail(.value)
    }
  }

  private mutating func literal(_ word: StaticString) throws(Failure) {
    let length: Int = word.utf8CodeUnitCount
    guard index + length <= count else { throw Failure(reason: .literal, offset: index) }
    for position in 0..<length where base[index + position] != word.utf8Start[position] { throw fail(.literal) }
    index += length
  }

  private mutating func object() throws(Failure) -> JSONValue {
    guard depth > 0 else { throw fail(.depth) }
    depth -= 1
    defer { depth += 1 }
    index += 1
    skipSpace()
    if index < count, base[index] == UInt8(ascii: "}") {
      index += 1
      return .object(JSONObject())
    }
    let start: Int = members.count
    while true {
      skipSpace()
      guard index < count, base[index] == UInt8(ascii: "\"") else { throw fail(.key) }
      index += 1
      let key: String = try string()
      skipSpace()
      guard index < count, base[index] == UInt8(ascii: ":") else { throw fail(.colon) }
      index += 1
      if reportingDuplicates { path.append(path.isEmpty ? key : ".\(key)") }
      let value: JSONValue = try value()
      if reportingDuplicates { path.removeLast() }
      members.push(JSONObject.Member(key: key, value: value))
      skipSpace()
      guard index < count else { throw fail(.end) }
      index += 1
      if base[index - 1] == UInt8(ascii: ",") { continue }
      if base[index - 1] == UInt8(ascii: "}") { break }
      index -= 1
      throw fail(.objectSeparator)
    }
    return .object(JSONObject(members: withoutDuplicates(members.popArray(from: start))))
  }

  private mutating func array() throws(Failure) -> JSONValue {
    guard depth > 0 else { throw fail(.depth) }
    depth -= 1
    defer { depth += 1 }
    index += 1
    skipSpace()
    if index < count, base[index] == UInt8(ascii: "]") {
      index += 1
      return .array([])
    }
    let start: Int = elements.count
    while true {
      if reportingDuplicates { path.append("[\(elements.count - start)]") }
      let value: JSONValue = try value()
      if reportingDuplicates { path.removeLast() }
      elements.push(value)
      skipSpace()
      guard index < count else { throw fail(.end) }
      index += 1
      if base[index - 1] == UInt8(ascii: ",") { continue }
      if base[index - 1] == UInt8(ascii: "]") { break }
      index -= 1
      throw fail(.arraySeparator)
    }
    return .array(elements.popArray(from: start))
  }

  /// The last of equal names stays, at the first one's place. Few members are compared each with each, which beats hashing; many go
  /// through a set, so that a hostile document costs no more than its bytes.
  private mutating func withoutDuplicates(_ all: [JSONObject.Member]) -> [JSONObject.Member] {
    if all.count <= 24 {
      var found: Bool = false
      for last in all.indices.dropFirst() {
        for earlier in 0..<last where all[earlier].key == all[last].key { found = true }
      }
      if !found { return all }
    }
    var places: [String: Int] = Dictionary(minimumCapacity: all.count)
    var kept: [JSONObject.Member] = []
    kept.reserveCapacity(all.count)
    for member in all {
      if let place: Int = places[member.key] {
        kept[place].value = member.value
        if reportingDuplicates, duplicates.count < KubeLimits.reportedFields {
          let name: String = path.joined() + (path.isEmpty ? member.key : ".\(member.key)")
          if !duplicates.contains(name) { duplicates.append(name) }
        }
      } else {
        places[member.key] = kept.count
        kept.append(member)
      }
    }
    return kept
  }

  private mutating func number() throws(Failure) -> JSONValue {
    let start: Int = index
    let negative: Bool = base[index] == UInt8(ascii: "-")
    if negative { index += 1 }
    guard index < count else { throw fail(.end) }
    var magnitude: UInt64 = 0
    var overflow: Bool = false
    guard let first: UInt8 = digit() else { throw fail(.number) }
    index += 1
    magnitude = UInt64(first)
    if first == 0 {
      if digit() != nil { throw fail(.number) }
    } else {
      while let next: UInt8 = digit() {
        let (product, high) = magnitude.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(next))
        if high || carry { overflow = true }
        magnitude = sum
        index += 1
      }
    }
    var whole: Bool = true
    if index < count, base[index] == UInt8(ascii: ".") {
      whole = false
      index += 1
      guard digit() != nil else { throw fail(.number) }
      while digit() != nil { index += 1 }
    }
    if index < count, base[index] | 0x20 == UInt8(ascii: "e") {
      whole = false
      index += 1
      if index < count, base[index] == UInt8(ascii: "+") || base[index] == UInt8(ascii: "-") { index += 1 }
      guard digit() != nil else { throw fail(.number) }
      while digit() != nil { index += 1 }
    }
    if whole, !overflow {
      if !negative, magnitude <= UInt64(Int64.max) { return .int(Int64(magnitude)) }
      if negative, magnitude <= UInt64(Int64.max) + 1 { return .int(Int64(truncatingIfNeeded: 0 &- magnitude)) }
    }
    let digits = String(decoding: UnsafeBufferPointer(start: base + start, count: index - start), as: UTF8.self)
    guard let double = Double(digits), double.isFinite else { throw Failure(reason: .numberRange, offset: start) }
    return .double(double)
  }

  @inline(__always)
  private func digit() -> UInt8? {
    guard index < count else { return nil }
    let value: UInt8 = base[index] &- UInt8(ascii: "0")
    return value < 10 ? value : nil
  }
}

/// A stack of initialised values in raw memory whose top part can be moved out as an array. Its owner calls `release` once.
struct Scratch<Element> {
  private var memory: UnsafeMutablePointer<Element>?
  private var capacity: Int = 0
  private(set) var count: Int = 0

  @inline(__always)
  mutating func push(_ element: consuming Element) {
    if count == capacity { grow(to: max(32, capacity * 2)) }
    (memory! + count).initialize(to: element)
    count += 1
  }

  mutating func grow(to wanted: Int) {
    let larger: UnsafeMutablePointer<Element> = .allocate(capacity: wanted)
    if let memory {
      larger.moveInitialize(from: memory, count: count)
      memory.deallocate()
    }
    memory = larger
    capacity = wanted
  }

  mutating func popArray(from start: Int) -> [Element] {
    let length: Int = count - start
    let top: UnsafeMutablePointer<Element> = memory! + start
    count = start
    return Array(unsafeUninitializedCapacity: length) { buffer, initialized in
      buffer.baseAddress!.moveInitialize(from: top, count: length)
      initialized = length
    }
  }

  mutating func removeAll() {
    memory?.deinitialize(count: count)
    count = 0
  }

  var buffer: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: memory, count: count) }

  mutating func release() {
    removeAll()
    memory?.deallocate()
    memory = nil
    capacity = 0
  }
}
