import Primitives
import TestSupport
import Testing

@testable import Lab

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.lab) }
}
