import TestSupport
import Testing

@testable import Consensus

/// Every file in testdata is a story with a sentence for its name.
@Suite struct TranscriptTests {
  static let stories: [String] = (try? Transcript.files(in: testdata(#filePath, ""), suffix: ".txt")) ?? []

  @Test(arguments: stories) func story(_ name: String) throws {
    var cluster = TranscriptCluster()
    let differences: [Transcript.Difference] = try Transcript.check(testdata(#filePath, name)) { try cluster.run($0) }
    for difference in differences { Issue.record("\(difference)") }
  }

  @Test func thereAreStories() { #expect(Self.stories.count >= 12) }
}
