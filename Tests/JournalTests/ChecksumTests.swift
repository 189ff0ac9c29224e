import Primitives
import Testing

@testable import Journal

@Suite struct ChecksumTests {
  @Test func `the processor's instruction and the table give the same number, in pieces as well as whole`() {
    #expect(Checksum.crc32c(Bytes("123456789")) == 0xE306_9283)  // RFC 3720, appendix B.4; the check value of CRC-32/ISCSI
    var random = SeededRandom(seed: 3)
    for count in Array(0...70) + [511, 512, 4096, 70_001] {
      let bytes = Bytes((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      let seed = UInt32(truncatingIfNeeded: random.next())
      #expect(Checksum.crc32c(bytes, seed: seed) == CRC32C.checksum(bytes, seed: seed))
      let cut = count == 0 ? 0 : Int(random.next() % UInt64(count))
      #expect(Checksum.crc32c(Bytes(bytes[cut...]), seed: Checksum.crc32c(Bytes(bytes[..<cut]))) == CRC32C.checksum(bytes))
    }
  }
}
