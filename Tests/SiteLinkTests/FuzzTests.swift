import Primitives
import TestSupport
import Testing

@testable import SiteLink

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.siteLink) }
}
