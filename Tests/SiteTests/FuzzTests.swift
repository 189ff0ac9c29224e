import Primitives
import TestSupport
import Testing

@testable import Site

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.site) }
}
