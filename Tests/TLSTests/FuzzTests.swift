import Primitives
import TestSupport
import Testing

@testable import TLS

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.tls) }
}
