import Primitives
import TestSupport
import Testing

@testable import Consensus

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.consensus) }
}
