import KubeClient
import KubeModel
import Testing

@testable import Drills

/// N of M, for other numbers than two of three: one short is not enough, and who has no role counts for nothing.
@Suite struct ApprovalCountTests {
  @Test(arguments: [(1, 1), (1, 4), (2, 5), (3, 3), (3, 5), (5, 5), (7, 9)])
  func aStepWaitsForExactlySoMany(needed: Int, of roles: Int) async throws {
    try await RunStage.with { stage in
      let all: [String] = (0..<roles).map { "role-\($0)" }
      let text = """
        id: count
        title: \(needed) of \(roles)
        cluster: bank
        steps:
          - id: go
            title: Go
            action: put
            timeout: 5s
            approval: { roles: [\(all.joined(separator: ", "))], needed: \(needed), timeout: 1m }
        """
      try await stage.begin(text, name: "count")
      async let ended: RunShell.Outcome = stage.runner("count", 1, life: KillSwitch(after: .max))
      func decide(_ user: String, _ groups: [String]) async throws {
        _ = try await RunStore(client: stage.client(user, groups + ["system:authenticated"])).decide(
          "count", step: "go", approves: true, comment: "")
      }
      while try await stage.record("count").steps[0].phase != .waiting { try await Task.sleep(for: .milliseconds(5)) }
      try await decide("stranger", ["visitors"])
      for person in 0..<(needed - 1) { try await decide("person-\(person)", [all[person]]) }
      // Again by whoever has spoken already, in every role there is.
      if needed > 1 { try await decide("person-0", all) }
      try await Task.sleep(for: .milliseconds(60))
      let before: RunRecord = try await stage.record("count")
      #expect(before.steps[0].phase == .waiting, "\(needed - 1) of \(needed) were enough: \(before.decisions)")
      try await decide("last", [all[roles - 1]])
      guard case .ended(let record, nil) = try await ended else {
        Issue.record("it did not end")
        return
      }
      #expect(record.phase == .completed && Set(record.decisions.map(\.user)).count == needed, "\(record.decisions)")
      #expect(!record.decisions.contains { $0.user == "stranger" })
    }
  }

  /// One who says no is enough, however many have said yes.
  @Test func oneRefusalOfManyFailsTheStep() async throws {
    try await RunStage.with { stage in
      let text = """
        id: no
        title: Three of four
        cluster: bank
        steps:
          - { id: go, title: Go, action: put, timeout: 5s, approval: { roles: [a, b, c, d], needed: 3, timeout: 1m } }
        """
      try await stage.begin(text, name: "no")
      async let ended: RunShell.Outcome = stage.runner("no", 1, life: KillSwitch(after: .max))
      while try await stage.record("no").steps[0].phase != .waiting { try await Task.sleep(for: .milliseconds(5)) }
      for (user, role, yes) in [("mei", "a", true), ("lin", "b", true), ("wang", "c", false)] {
        _ = try await RunStore(client: stage.client(user, [role, "system:authenticated"])).decide(
          "no", step: "go", approves: yes, comment: "not on a Friday")
      }
      guard case .ended(let record, nil) = try await ended else {
        Issue.record("it did not end")
        return
      }
      #expect(record.phase == .failed && record.steps[0].message.contains("wang (c) refused it: not on a Friday"), "\(record)")
      #expect(stage.world.standing.isEmpty)
    }
  }
}
