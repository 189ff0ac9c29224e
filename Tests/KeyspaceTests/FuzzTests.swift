import Primitives
import TestSupport
import Testing

@testable import Keyspace

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.keyspace) }

  /// Found by `tricenter fuzz`: the write after the last number that there is ended the process.
  @Test func aRevisionThatHasNoSuccessorIsRefused() throws {
    let target: FuzzTarget = try #require(FuzzTarget.keyspace.first { $0.name == "keyspace-snapshots" })
    let last: Bytes = [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
    let found: Bytes =
      [0x13, 0, 0, 0, 1, 1] + last + Bytes(repeating: 0, count: 9) + [0x05, 0, 0, 0x17, 0x17, 0x20, 0x1E]
    #expect(try target.feed(found) == false)
  }
}
