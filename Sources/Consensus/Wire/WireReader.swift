import Primitives

/// Reads what `WireWriter` wrote and refuses everything else: values past the end, integers longer than need be, counts above
/// the limits, bytes left over. What it says is put together when it is said: texts at every field cost 2 % of a simulated history.
struct WireReader {
  private let bytes: Bytes
  private(set) var offset: Int = 0

  init(_ bytes: Bytes) { self.bytes = bytes }

  func malformed(_ what: String) -> ConsensusError {
    ConsensusError(.malformed, "\(what) at byte \(offset) of \(bytes.count): the sender or the disk altered it, or it is not ours")
  }

  mutating func readByte(_ what: @autoclosure () -> String) throws(ConsensusError) -> UInt8 {
    guard offset < bytes.count else { throw malformed("the end comes before \(what())") }
    let value: UInt8 = bytes[offset]
    offset += 1
    return value
  }

  mutating func readInteger(_ what: @autoclosure () -> String) throws(ConsensusError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte: UInt8 = try readByte(what())
      if shift == 63, byte > 1 { throw malformed("\(what()) does not fit 64 bits") }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        if byte == 0, shift > 0 { throw malformed("\(what()) is written longer than need be") }
        return value
      }
      shift += 7
    }
  }

  mutating func readCount(_ what: @autoclosure () -> String, limit: Int) throws(ConsensusError) -> Int {
    let value: UInt64 = try readInteger(what())
    guard value <= UInt64(limit) else { throw malformed("\(what()) is \(value), above the limit of \(limit)") }
    return Int(value)
  }

  mutating func readBool(_ what: @autoclosure () -> String) throws(ConsensusError) -> Bool {
    switch try readByte(what()) {
    case 0: return false
    case 1: return true
    case let other: throw malformed("\(what()) is \(other), neither 0 nor 1")
    }
  }

  mutating func readMember(_ what: @autoclosure () -> String) throws(ConsensusError) -> MemberID {
    guard bytes.count - offset >= 8 else { throw malformed("the end comes before \(what())") }
    var value: UInt64 = 0
    for place in 0..<8 { value |= UInt64(bytes[offset + place]) << UInt64(8 * place) }
    guard value != 0 else { throw malformed("\(what()) is 0, which is no member") }
    offset += 8
    return MemberID(value)
  }

  mutating func readMembers(_ what: @autoclosure () -> String) throws(ConsensusError) -> [MemberID] {
    let count: Int = try readCount(what(), limit: ConsensusLimits.maxMembers)
    var ids: [MemberID] = []
    for _ in 0..<count {
      let id: MemberID = try readMember(what())
      if let last = ids.last, last >= id { throw malformed("\(what()) are not in ascending order") }
      ids.append(id)
    }
    return ids
  }

  mutating func readBytes(_ what: @autoclosure () -> String, limit: Int) throws(ConsensusError) -> Bytes {
    let count: Int = try readCount("the length of \(what())", limit: limit)
    guard bytes.count - offset >= count else { throw malformed("the end comes within \(what())") }
    let value: Bytes = Bytes(bytes[offset..<offset + count])
    offset += count
    return value
  }

  mutating func readPosition(_ what: @autoclosure () -> String) throws(ConsensusError) -> LogPosition {
    let term: UInt64 = try readInteger("the term of \(what())")
    return LogPosition(term: term, index: try readInteger("the index of \(what())"))
  }

  func finish(_ what: String) throws(ConsensusError) {
    guard offset == bytes.count else { throw malformed("\(bytes.count - offset) bytes are left over after \(what)") }
  }
}
