import Primitives
import TestSupport
import Testing

@testable import Journal

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.journal) }
}
