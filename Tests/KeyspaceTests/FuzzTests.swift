import Primitives
import TestSupport
import Testing

@testable import Keyspace

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.keyspace) }
}
