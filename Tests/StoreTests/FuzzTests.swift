import Primitives
import TestSupport
import Testing

@testable import Store

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.store) }
}
