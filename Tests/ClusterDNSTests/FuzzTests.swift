import Primitives
import TestSupport
import Testing

@testable import ClusterDNS

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.clusterDNS) }
}
