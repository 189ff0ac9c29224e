/// Writes the project's own binary forms (log entries, snapshots, journal records): little-endian fixed widths, and
/// LEB128 variable-length integers in their shortest form.
public struct ByteWriter: Sendable {
  public private(set) var bytes: Bytes = []

  public init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  public mutating func byte(_ value: UInt8) { bytes.append(value) }
  public mutating func fixed32(_ value: UInt32) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
  public mutating func fixed64(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
  public mutating func unsigned(_ value: UInt64) {
    var rest: UInt64 = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
  /// Zigzag, so that small negative numbers stay short.
  public mutating func signed(_ value: Int64) { unsigned(UInt64(bitPattern: (value << 1) ^ (value >> 63))) }
  public mutating func count(_ value: Int) { unsigned(UInt64(value)) }
  /// Length, then the bytes.
  public mutating func block(_ value: Bytes) {
    count(value.count)
    bytes.append(contentsOf: value)
  }
  public mutating func raw(_ value: Bytes) { bytes.append(contentsOf: value) }
  public mutating func take() -> Bytes {
    defer { bytes = [] }
    return bytes
  }
}

/// Why a binary form was refused, and where in it.
public struct MalformedBytes: Error, Sendable, CustomStringConvertible {
  public let reason: String
  public let offset: Int
  public init(_ reason: String, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
  public var description: String { "\(reason) at byte \(offset)" }
}

/// Reads what `ByteWriter` wrote and refuses everything else: truncated input, integers not in their shortest form, lengths
/// beyond the input. Nothing is allocated for a length before the bytes are known to be there.
public struct ByteReader: Sendable {
  public let bytes: Bytes
  public private(set) var offset: Int
  private let end: Int

  public init(_ bytes: Bytes) {
    self.bytes = bytes
    self.offset = 0
    self.end = bytes.count
  }

  public var remaining: Int { end - offset }
  public var isAtEnd: Bool { offset == end }

  public func malformed(_ reason: String) -> MalformedBytes { MalformedBytes(reason, offset: offset) }

  public mutating func byte() throws(MalformedBytes) -> UInt8 {
    guard offset < end else { throw malformed("input ends where a byte was expected") }
    defer { offset += 1 }
    return bytes[offset]
  }
  public mutating func fixed32() throws(MalformedBytes) -> UInt32 {
    guard remaining >= 4 else { throw malformed("input ends inside a 32-bit number") }
    defer { offset += 4 }
    return bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
  }
  public mutating func fixed64() throws(MalformedBytes) -> UInt64 {
    guard remaining >= 8 else { throw malformed("input ends inside a 64-bit number") }
    defer { offset += 8 }
    return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }
  public mutating func unsigned() throws(MalformedBytes) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next: UInt8 = try byte()
      if shift == 63, next > 1 { throw malformed("integer of more than 64 bits") }
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 {
        if next == 0, shift > 0 { throw malformed("integer not in its shortest form") }
        return value
      }
      shift += 7
    }
  }
  public mutating func signed() throws(MalformedBytes) -> Int64 {
    let value: UInt64 = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }
  /// A count of things that take at least `minimumSize` bytes each: more than the input can hold is refused.
  public mutating func count(minimumSize: Int = 1) throws(MalformedBytes) -> Int {
    let value: UInt64 = try unsigned()
    guard value <= UInt64(remaining / Swift.max(1, minimumSize)) else { throw malformed("count \(value) beyond the input's end") }
    return Int(value)
  }
  public mutating func block() throws(MalformedBytes) -> Bytes {
    let length: Int = try count()
    return try raw(length)
  }
  public mutating func raw(_ length: Int) throws(MalformedBytes) -> Bytes {
    guard length >= 0, length <= remaining else { throw malformed("input ends inside a block of \(length) bytes") }
    defer { offset += length }
    return Array(bytes[offset..<offset + length])
  }
  public func finish() throws(MalformedBytes) {
    guard isAtEnd else { throw malformed("\(remaining) bytes too many") }
  }
}
