import Primitives

/// A segment file: one sector of header, then batches, each at the start of a sector.
///
///     header = "TRICJRNL" version(4) number(8) stamp(8) first batch(8) chain(4) starts anew(4) CRC-32C of these(4)
///     batch  = "TJB1" CRC-32C of the rest of this header(4) stamp(8) batch number(8) length(4) CRC-32C(4) 8 zero bytes, records
///
/// A batch's checksum continues the one of the batch before, over segments, so no batch can be missing, doubled or moved. `stamp` is
/// random per use of a file: what an earlier use left behind is never taken for part of this one. A segment that starts anew owes
/// nothing to those before it, which are not read any more: the first of a folder, and the first after a repair began.
struct SegmentHeader {
  static let magic: Bytes = Bytes("TRICJRNL")
  static let version: UInt32 = 2
  static let bytes: Int = JournalLimits.alignment

  var number: UInt64
  var stamp: UInt64
  var firstBatch: UInt64
  /// Checksum of the last batch before this segment.
  var chain: UInt32
  var startsAnew: Bool

  func encode() -> Bytes {
    var writer = ByteWriter(reserving: Self.bytes)
    writer.raw(Self.magic)
    writer.fixed32(Self.version)
    writer.fixed64(number)
    writer.fixed64(stamp)
    writer.fixed64(firstBatch)
    writer.fixed32(chain)
    writer.fixed32(startsAnew ? 1 : 0)
    writer.fixed32(Checksum.crc32c(writer.bytes))
    return writer.bytes + Bytes(repeating: 0, count: Self.bytes - writer.bytes.count)
  }

  init(number: UInt64, stamp: UInt64, firstBatch: UInt64, chain: UInt32, startsAnew: Bool = false) {
    self.number = number
    self.stamp = stamp
    self.firstBatch = firstBatch
    self.chain = chain
    self.startsAnew = startsAnew
  }

  init(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard try reader.raw(8) == Self.magic else { throw reader.malformed("no journal segment") }
    let version: UInt32 = try reader.fixed32()
    guard version == Self.version else { throw reader.malformed("segment of version \(version), this program knows \(Self.version)") }
    number = try reader.fixed64()
    stamp = try reader.fixed64()
    firstBatch = try reader.fixed64()
    chain = try reader.fixed32()
    startsAnew = try reader.fixed32() == 1
    let expected: UInt32 = Checksum.crc32c(Bytes(bytes[..<reader.offset]))
    guard try reader.fixed32() == expected else { throw reader.malformed("damaged header") }
  }

  /// The version of a whole header that another version of this program wrote; nil: ours, or damaged. Version 1 had no word whether it
  /// starts anew; what is newer is taken for whole unless it is one of ours with a damaged version.
  static func otherVersion(_ bytes: Bytes) -> UInt32? {
    guard bytes.count >= 48, Bytes(bytes[..<8]) == magic else { return nil }
    func word(_ bytes: Bytes, _ at: Int) -> UInt32 {
      bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    }
    let found: UInt32 = word(bytes, 8)
    guard found != version, (1..<1000).contains(found) else { return nil }
    if found == 1 { return word(bytes, 40) == Checksum.crc32c(Bytes(bytes[..<40])) ? found : nil }
    var ours: Bytes = Bytes(bytes[..<44])
    ours[8] = UInt8(version)
    return word(bytes, 44) == Checksum.crc32c(ours) ? nil : found
  }

  static func name(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return "journal-" + String(repeating: "0", count: 16 - digits.count) + digits
  }
  static func number(ofName name: String) -> UInt64? {
    guard name.hasPrefix("journal-"), name.utf8.count == 24 else { return nil }
    return UInt64(name.dropFirst(8), radix: 16)
  }
}

struct BatchHeader {
  static let magic: UInt32 = 0x3142_4A54  // "TJB1"

  var stamp: UInt64
  var number: UInt64
  var length: Int
  var checksum: UInt32

  func encode() -> Bytes {
    var rest = ByteWriter(reserving: 40)
    rest.fixed64(stamp)
    rest.fixed64(number)
    rest.fixed32(UInt32(length))
    rest.fixed32(checksum)
    rest.fixed64(0)
    var writer = ByteWriter(reserving: 40)
    writer.fixed32(Self.magic)
    writer.fixed32(Checksum.crc32c(rest.bytes))
    writer.raw(rest.bytes)
    return writer.bytes
  }

  init(stamp: UInt64, number: UInt64, length: Int, checksum: UInt32) {
    self.stamp = stamp
    self.number = number
    self.length = length
    self.checksum = checksum
  }

  /// nil unless a whole header of this segment's use stands at `offset`.
  init?(_ segment: Bytes, at offset: Int, stamp expected: UInt64) {
    guard offset + JournalLimits.batchHeaderBytes <= segment.count else { return nil }
    let (magic, check, read): (UInt32, UInt32, UInt64) = segment.withUnsafeBytes { raw in
      (
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)),
        UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
      )
    }
    guard magic == Self.magic, read == expected else { return nil }
    let rest: Bytes = Bytes(segment[(offset + 8)..<(offset + JournalLimits.batchHeaderBytes)])
    guard Checksum.crc32c(rest) == check else { return nil }
    var reader = ByteReader(rest)
    do throws(MalformedBytes) {
      stamp = try reader.fixed64()
      number = try reader.fixed64()
      length = Int(try reader.fixed32())
      checksum = try reader.fixed32()
    } catch {
      return nil
    }
  }

  /// Bytes that a batch with this payload takes, up to the next one.
  static func space(_ length: Int) -> Int {
    let used: Int = JournalLimits.batchHeaderBytes + length
    return (used + JournalLimits.alignment - 1) / JournalLimits.alignment * JournalLimits.alignment
  }
}
