import Primitives
import TestSupport
import Testing

@testable import Store

@Suite struct FuzzTests {
  @Test func decoders() { expectSound(FuzzTarget.store) }

  /// Found by `tricenter fuzz`: a survivor's report with the earliest time there is ended the tool that wrote its certificate.
  @Test(arguments: [Int64.min, Int64.min + 86_398, -1, -86_400, 0, Int64.max]) func `any time that a stranger says can be written`(
    seconds: Int64
  ) {
    #expect(WallTime(secondsSince1970: seconds, nanoseconds: 1).rfc3339Micro.hasSuffix(".000000Z"))
    if seconds.magnitude < 100_000 {
      #expect(WallTime(rfc3339: WallTime(secondsSince1970: seconds).rfc3339)?.secondsSince1970 == seconds)
    }
  }
}
