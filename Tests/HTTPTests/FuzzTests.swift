import Primitives
import TestSupport
import Testing

@testable import HTTP

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.http) }
}
