import NIOCore
import Primitives

/// Writes one protobuf message. Fields with their default value are left out, as proto3 does; `present…` variants write them.
public struct ProtobufWriter: Sendable {
  public private(set) var buffer: ByteBuffer

  public init(capacity: Int = 128) { buffer = ByteBufferAllocator().buffer(capacity: capacity) }

  /// With room for a gRPC prefix in front, filled in by `setGRPCPrefix`.
  init(grpcCapacity: Int) {
    buffer = ByteBufferAllocator().buffer(capacity: grpcCapacity)
    buffer.writeRepeatingByte(0, count: 5)
  }

  mutating func setGRPCPrefix() { buffer.setInteger(UInt32(buffer.readableBytes - 5), at: 1, endianness: .big) }

  public mutating func uint64(_ number: Int, _ value: UInt64) { if value != 0 { presentUInt64(number, value) } }
  public mutating func int64(_ number: Int, _ value: Int64) { uint64(number, UInt64(bitPattern: value)) }
  public mutating func uint32(_ number: Int, _ value: UInt32) { uint64(number, UInt64(value)) }
  public mutating func int32(_ number: Int, _ value: Int32) { int64(number, Int64(value)) }
  public mutating func bool(_ number: Int, _ value: Bool) { if value { presentUInt64(number, 1) } }
  public mutating func bytes(_ number: Int, _ value: Bytes) { if !value.isEmpty { presentBytes(number, value) } }
  public mutating func string(_ number: Int, _ value: String) { if !value.isEmpty { presentString(number, value) } }

  public mutating func fixed64(_ number: Int, _ value: UInt64) {
    guard value != 0 else { return }
    tag(number, 1)
    buffer.writeInteger(value, endianness: .little)
  }
  public mutating func fixed32(_ number: Int, _ value: UInt32) {
    guard value != 0 else { return }
    tag(number, 5)
    buffer.writeInteger(value, endianness: .little)
  }
  public mutating func double(_ number: Int, _ value: Double) { fixed64(number, value.bitPattern) }

  public mutating func presentUInt64(_ number: Int, _ value: UInt64) {
    tag(number, 0)
    varint(value)
  }
  public mutating func presentInt64(_ number: Int, _ value: Int64) { presentUInt64(number, UInt64(bitPattern: value)) }
  public mutating func presentBytes(_ number: Int, _ value: Bytes) {
    tag(number, 2)
    varint(UInt64(value.count))
    buffer.writeBytes(value)
  }
  public mutating func presentString(_ number: Int, _ value: String) {
    tag(number, 2)
    varint(UInt64(value.utf8.count))
    buffer.writeString(value)
  }
  public mutating func slice(_ number: Int, _ value: ByteBuffer) {
    tag(number, 2)
    varint(UInt64(value.readableBytes))
    buffer.writeImmutableBuffer(value)
  }

  /// Repeated numbers in one packed run.
  public mutating func packed(_ number: Int, _ values: [UInt64]) {
    guard !values.isEmpty else { return }
    message(number) { writer in for value in values { writer.varint(value) } }
  }

  public mutating func strings(_ number: Int, _ values: [String]) { for value in values { presentString(number, value) } }

  /// Entries in the order of their keys, so that equal maps give equal bytes.
  public mutating func map(_ number: Int, _ values: [String: String]) {
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      message(number) { entry in
        entry.string(1, key)
        entry.string(2, value)
      }
    }
  }

  /// A sub-message, also an empty one. Written in place: its length gets one byte, and the content moves up only if that is too
  /// small.
  public mutating func message(_ number: Int, _ body: (inout ProtobufWriter) -> Void) {
    tag(number, 2)
    let lengthAt: Int = buffer.writerIndex
    buffer.writeInteger(UInt8(0))
    body(&self)
    let length: Int = buffer.writerIndex - lengthAt - 1
    if length < 0x80 {
      buffer.setInteger(UInt8(length), at: lengthAt)
      return
    }
    let extra: Int = (64 - UInt64(length).leadingZeroBitCount + 6) / 7 - 1
    buffer.writeRepeatingByte(0, count: extra)
    let start: Int = lengthAt - buffer.readerIndex
    buffer.withUnsafeMutableReadableBytes { bytes in
      let content: UnsafeMutableRawPointer = bytes.baseAddress! + start + 1
      (content + extra).copyMemory(from: content, byteCount: length)
      var rest = UInt64(length)
      for index in 0...extra {
        bytes[start + index] = UInt8(rest & 0x7F) | (index < extra ? 0x80 : 0)
        rest >>= 7
      }
    }
  }

  private mutating func tag(_ number: Int, _ wire: UInt64) { varint(UInt64(number) << 3 | wire) }

  mutating func varint(_ value: UInt64) {
    if value < 0x80 {
      buffer.writeInteger(UInt8(value))
      return
    }
    var rest: UInt64 = value
    while rest >= 0x80 {
      buffer.writeInteger(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    buffer.writeInteger(UInt8(rest))
  }
}
