import Primitives
import TestSupport
import Testing

@testable import Kubelet

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.kubelet) }
}
