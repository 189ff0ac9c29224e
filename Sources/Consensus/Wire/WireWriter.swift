import Primitives

/// Integers as LEB128 (seven bits per byte, low ones first), member ids as eight bytes little-endian, byte strings with their
/// length in front. The same for messages on the link and for records in the journal.
extension Bytes {
  mutating func writeInteger(_ value: UInt64) {
    var rest: UInt64 = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func writeBool(_ value: Bool) { append(value ? 1 : 0) }

  mutating func writeMember(_ id: MemberID) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) { append(UInt8(truncatingIfNeeded: id.value >> shift)) }
  }

  mutating func writeBytes(_ bytes: Bytes) {
    writeInteger(UInt64(bytes.count))
    append(contentsOf: bytes)
  }

  mutating func writePosition(_ position: LogPosition) {
    writeInteger(position.term)
    writeInteger(position.index)
  }

  mutating func writeMembers(_ ids: [MemberID]) {
    writeInteger(UInt64(ids.count))
    for id in ids { writeMember(id) }
  }
}
