import KubeModel
import Primitives
import Testing

@testable import Federation

/// `spec.policy.requireApproval` with other numbers than two of three.
@Suite struct ApprovalCountTests {
  private static func verdict(_ count: Int, of people: [String], given: [String]) throws -> FailoverVerdict {
    let record = ActivationRecord(cluster: "bank", center: "production", epoch: 4, lease: .seconds(3), resourceVersion: "9")
    var judging = Judging(order: ["production", "local-dr", "remote-dr"])
    judging.approvals = ApprovalPolicy(verbs: ["switchover"], count: count, approvers: Set(people))
    let asked = KubeObject([
      "metadata": ["name": "f", "creationTimestamp": "2026-11-29T10:00:00Z"], "status": ["phase": "Pending"],
      "spec": [
        "cluster": "bank", "kind": "switchover", "to": "local-dr", "requestedBy": "asker",
        "approvals": .array(given.map { ["user": .string($0)] }),
      ],
    ])
    return try #require(FailoverVerdict(asked, record, judging))
  }

  @Test(arguments: [(1, 1), (1, 4), (2, 2), (3, 3), (3, 5), (5, 8), (10, 10)])
  func soManyOfThoseWhoMayAreNeeded(count: Int, of people: Int) throws {
    let may: [String] = (0..<people).map { "person-\($0)" }
    for given in 0...people {
      // The asker, a stranger and whoever speaks twice add nothing.
      let names: [String] = ["asker", "stranger"] + Array(may.prefix(given)) + Array(may.prefix(min(given, 1)))
      let decision: String = try Self.verdict(count, of: may, given: names).decision
      #expect(decision == (given >= count ? "Accepted" : "AwaitsApproval"), "\(given) of \(count), of \(people)")
    }
  }

  @Test func whereNobodyIsNamedEverybodyElseCounts() throws {
    #expect(try Self.verdict(4, of: [], given: ["a", "b", "c", "asker"]).decision == "AwaitsApproval")
    #expect(try Self.verdict(4, of: [], given: ["a", "b", "c", "d"]).decision == "Accepted")
  }
}
