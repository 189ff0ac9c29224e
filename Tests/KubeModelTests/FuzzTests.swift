import Primitives
import TestSupport
import Testing

@testable import KubeModel

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.kubeModel) }
}
