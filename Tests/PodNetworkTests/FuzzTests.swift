import Primitives
import TestSupport
import Testing

@testable import PodNetwork

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.podNetwork) }
}
