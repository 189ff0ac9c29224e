import TestSupport
import Testing

@testable import Kubelet

@Suite("The life of a pod, told in transcripts")
struct LifecycleTests {
  @Test(arguments: ["start", "crash", "images", "probes", "delete", "adopt", "init", "finish", "fence", "sandbox", "failure"])
  func transcript(_ name: String) throws {
    var conversation = LifecycleTranscript()
    let differences: [Transcript.Difference] = try Transcript.check(testdata(#filePath, "\(name).txt")) { try conversation.answer($0) }
    for difference in differences { Issue.record("\(difference)") }
  }
}
