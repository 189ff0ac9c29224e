import Primitives
import TestSupport
import Testing

@testable import KubeClient

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.kubeClient) }
}
