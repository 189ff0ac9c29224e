import NIOCore
import Primitives

/// Reads one protobuf message field by field (https://protobuf.dev/programming-guides/encoding/). Strict: what is malformed is an error,
/// unknown fields are skipped by `skip`. Sub-messages and byte fields share the buffer's memory.
///
///     while let field = try reader.next() {
///       switch field.number {
///       case 1: key = try reader.bytes(field)
///       default: try reader.skip(field)
///       }
///     }
public struct ProtobufReader: Sendable {
  public struct Field: Sendable {
    public var number: Int
    public var wire: WireType
  }
  public enum WireType: UInt8, Sendable { case varint = 0, fixed64 = 1, lengthDelimited = 2, fixed32 = 5 }

  /// Messages within messages; etcd's own decoder stops at 10,000, which no stack of ours would survive.
  public static let maximumDepth: Int = 64

  private var buffer: ByteBuffer
  private let depth: Int

  public init(_ buffer: ByteBuffer) { self.init(buffer, depth: 0) }

  private init(_ buffer: ByteBuffer, depth: Int) {
    self.buffer = buffer
    self.depth = depth
  }

  /// The next field's tag; nil at the message's end.
  public mutating func next() throws -> Field? {
    guard buffer.readableBytes > 0 else { return nil }
    let tag: UInt64 = try rawVarint()
    let number: UInt64 = tag >> 3
    guard let wire = WireType(rawValue: UInt8(tag & 7)), number > 0, number < 1 << 29 else {
      throw ProtobufError(.badTag, "A field has number \(number) and wire type \(tag & 7), which proto3 does not allow.")
    }
    return Field(number: Int(number), wire: wire)
  }

  public mutating func skip(_ field: Field) throws {
    switch field.wire {
    case .varint: _ = try rawVarint()
    case .fixed64: try advance(8)
    case .lengthDelimited: try advance(try length())
    case .fixed32: try advance(4)
    }
  }

  // MARK: values

  public mutating func uint64(_ field: Field) throws -> UInt64 {
    try expect(field, .varint)
    return try rawVarint()
  }
  public mutating func int64(_ field: Field) throws -> Int64 { Int64(bitPattern: try uint64(field)) }
  /// Longer values are cut to 32 bits, as every implementation does.
  public mutating func uint32(_ field: Field) throws -> UInt32 { UInt32(truncatingIfNeeded: try uint64(field)) }
  public mutating func int32(_ field: Field) throws -> Int32 { Int32(truncatingIfNeeded: try uint64(field)) }
  public mutating func bool(_ field: Field) throws -> Bool { try uint64(field) != 0 }
  public mutating func sint64(_ field: Field) throws -> Int64 {
    let raw: UInt64 = try uint64(field)
    return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
  }
  public mutating func fixed64(_ field: Field) throws -> UInt64 {
    try expect(field, .fixed64)
    guard let value: UInt64 = buffer.readInteger(endianness: .little) else { throw truncated() }
    return value
  }
  public mutating func fixed32(_ field: Field) throws -> UInt32 {
    try expect(field, .fixed32)
    guard let value: UInt32 = buffer.readInteger(endianness: .little) else { throw truncated() }
    return value
  }
  public mutating func double(_ field: Field) throws -> Double { Double(bitPattern: try fixed64(field)) }

  public mutating func slice(_ field: Field) throws -> ByteBuffer {
    try expect(field, .lengthDelimited)
    guard let slice: ByteBuffer = buffer.readSlice(length: try length()) else { throw truncated() }
    return slice
  }
  public mutating func bytes(_ field: Field) throws -> Bytes {
    try expect(field, .lengthDelimited)
    guard let bytes: [UInt8] = buffer.readBytes(length: try length()) else { throw truncated() }
    return bytes
  }
  public mutating func string(_ field: Field) throws -> String {
    let slice: ByteBuffer = try slice(field)
    guard let text = String(validating: slice.readableBytesView, as: UTF8.self) else {
      throw ProtobufError(.badText, "String field \(field.number) is not UTF-8.")
    }
    return text
  }
  public mutating func message(_ field: Field) throws -> ProtobufReader {
    guard depth < Self.maximumDepth else {
      throw ProtobufError(.tooDeep, "Messages are nested deeper than \(Self.maximumDepth).")
    }
    return ProtobufReader(try slice(field), depth: depth + 1)
  }

  /// One element of a repeated number, or all of a packed run: decoders must take both (proto3).
  public mutating func repeatedUInt64(_ field: Field, into values: inout [UInt64]) throws {
    guard field.wire == .lengthDelimited else { return values.append(try uint64(field)) }
    var run = ProtobufReader(try slice(field), depth: depth)
    while run.buffer.readableBytes > 0 { values.append(try run.rawVarint()) }
  }
  public mutating func repeatedInt64(_ field: Field, into values: inout [Int64]) throws {
    var raw: [UInt64] = []
    try repeatedUInt64(field, into: &raw)
    values += raw.map { Int64(bitPattern: $0) }
  }
  /// One entry of `map<string, string>`.
  public mutating func mapEntry(_ field: Field, into map: inout [String: String]) throws {
    var entry: ProtobufReader = try message(field)
    var (key, value): (String, String) = ("", "")
    while let part: Field = try entry.next() {
      switch part.number {
      case 1: key = try entry.string(part)
      case 2: value = try entry.string(part)
      default: try entry.skip(part)
      }
    }
    map[key] = value
  }

  // MARK: wire

  private func expect(_ field: Field, _ wire: WireType) throws {
    guard field.wire == wire else {
      throw ProtobufError(.wrongWireType, "Field \(field.number) came as \(field.wire), its declaration says \(wire).")
    }
  }

  private func truncated() -> ProtobufError { ProtobufError(.truncated, "The message ends inside a field.") }

  private mutating func advance(_ count: Int) throws {
    guard count <= buffer.readableBytes else { throw truncated() }
    buffer.moveReaderIndex(forwardBy: count)
  }

  private mutating func length() throws -> Int {
    let length: UInt64 = try rawVarint()
    guard length <= UInt64(buffer.readableBytes) else { throw truncated() }
    return Int(length)
  }

  private mutating func rawVarint() throws -> UInt64 {
    let (value, used): (UInt64, Int) = try buffer.withUnsafeReadableBytes { bytes in
      var value: UInt64 = 0
      var index: Int = 0
      while index < bytes.count {
        let byte: UInt8 = bytes[index]
        if index == 9, byte > 1 { throw ProtobufError(.badVarint, "A varint does not fit 64 bits.") }
        value |= UInt64(byte & 0x7F) << UInt64(7 * index)
        index += 1
        if byte < 0x80 { return (value, index) }
        if index == 10 { throw ProtobufError(.badVarint, "A varint is longer than ten bytes.") }
      }
      throw ProtobufError(.truncated, "The message ends inside a varint.")
    }
    buffer.moveReaderIndex(forwardBy: used)
    return value
  }
}
