import HTTP
import KubeClient
import KubeModel
import Primitives
import Synchronization
import Testing

@testable import Drills

@Suite struct RunnerTests {
  static let runbook = """
    id: six
    title: Six effects, two of them side by side
    cluster: bank
    steps:
      - { id: a, title: A, action: put, timeout: 5s, compensation: { action: take } }
      - { id: b, title: B, action: put, timeout: 5s, dependsOn: [a], compensation: { action: take } }
      - { id: c, title: C, action: put, timeout: 5s, dependsOn: [a], compensation: { action: take } }
      - { id: look, title: Look, action: look, timeout: 5s, dependsOn: [b, c] }
      - { id: d, title: D, action: put, timeout: 5s, compensation: { action: take }, retry: { attempts: 2, pause: 1ms } }
      - { id: e, title: E, action: put, timeout: 5s, compensation: { action: take } }
    """

  /// Every run is killed at random points until it is over; a third of them fail at `d`, another third is stopped by somebody.
  @Test func aThousandKillsLeaveNoResidueAndNoDoubleEffect() async throws {
    try await RunStage.with { stage in
      var random = SeededRandom(seed: 20_988)
      var (kills, runs, takeovers): (Int, Int, Int) = (0, 0, 0)
      var ends: [String: Int] = [:]
      while kills < 1_000 {
        let name = "run-\(runs)"
        let (fails, stops): (Bool, Bool) = (runs % 3 == 1, runs % 3 == 2)
        try await stage.begin(Self.runbook, name: name)
        var number: Int = 0
        var isOver: Bool = false
        while !isOver {
          number += 1
          // Late in a run's life there is less left to be killed in.
          let life = KillSwitch(after: number > 40 ? .max : Int.random(in: 1...24, using: &random))
          if stops, number == 3 { _ = try await RunStore(client: stage.client).abort(name) }
          let outcome: RunShell.Outcome = try await stage.runner(name, number, life: life, fails: fails ? ["d"] : [])
          if life.isDead { kills += 1 }
          if case .ended(_, nil) = outcome { isOver = true } else { isOver = try await stage.record(name).isOver }
        }
        let record: RunRecord = try await stage.record(name)
        takeovers += number - 1
        ends[record.phase.rawValue, default: 0] += 1
        let keys: [String] = ["a", "b", "c", "d", "e"].map { "\(name)/\($0)" }
        if record.phase == .completed {
          #expect(keys.allSatisfy { stage.world.stands($0) && stage.world.times($0) == 1 }, "\(name): \(stage.world.standing)")
        } else {
          #expect(!keys.contains { stage.world.stands($0) }, "\(name) left \(stage.world.standing.filter { $0.hasPrefix("\(name)/") })")
        }
        #expect(!fails || record.phase == .failed, "\(name) \(record)")
        #expect(record.steps.allSatisfy(\.phase.isOver) && record.verdict != .inconclusive, "\(name) \(record)")
        runs += 1
      }
      #expect(stage.world.doubles.isEmpty, "\(stage.world.doubles.prefix(5))")
      #expect(Set(ends.keys).isSuperset(of: ["Completed", "Failed", "Aborted"]), "\(ends)")
      print("\(kills) kills in \(runs) runs, \(takeovers) takeovers, ends \(ends)")
    }
  }

  @Test func aRunnerThatStoodStillChangesNothingAnyMore() async throws {
    try await RunStage.with { stage in
      try await stage.begin(Self.runbook, name: "still")
      let (first, second) = (KillSwitch(after: .max), KillSwitch(after: .max))
      let transport = MortalTransport(stage.inner, first, freezesAfter: 4)
      async let frozen: RunShell.Outcome = stage.runner("still", 1, life: first, transport: transport)
      // It stands still in the middle, with its own writes under way.
      try await transport.whenFrozen()
      let outcome: RunShell.Outcome = try await stage.runner("still", 2, life: second)
      guard case .ended(let record, nil) = outcome else {
        transport.thaw()
        Issue.record("the second runner did not end the run: \(outcome)")
        return
      }
      #expect(record.phase == .completed && record.runner.epoch == 2)
      let before: KubeObject = try await RunStore(client: stage.client).get("still")
      transport.thaw()
      guard case .lost = try await frozen else {
        Issue.record("the first runner believes that the run is its own")
        return
      }
      #expect(try await RunStore(client: stage.client).get("still") == before)
      #expect(stage.world.doubles.isEmpty)
    }
  }

  @Test func aRunIsFreeOnlyWhenItsRunnerIsSilentForItsLease() async throws {
    try await RunStage.with { stage in
      try await stage.begin(Self.runbook, name: "lease")
      let store = RunStore(client: stage.client)
      #expect(try await store.whenFree("lease", clock: SystemClock(), patience: .zero).name == "lease")
      var object: KubeObject = try await store.get("lease")
      object.status = ["phase": "Running", "runner": ["holder": "other", "epoch": 1, "leaseMilliseconds": 300]]
      object = try await store.put(object.status, on: object)
      let began: MonotonicTime = SystemClock().now()
      await #expect(throws: DrillError.self) {
        try await store.whenFree("lease", clock: SystemClock(), patience: .milliseconds(50), every: .milliseconds(10))
      }
      _ = try await store.whenFree("lease", clock: SystemClock(), patience: .seconds(5), every: .milliseconds(10))
      #expect(SystemClock().now() - began >= .milliseconds(300))
    }
  }

  @Test func peopleApproveInTheirOwnNameAndRole() async throws {
    try await RunStage.with { stage in
      let text = """
        id: two
        title: Two people
        cluster: bank
        steps:
          - { id: go, title: Go, action: put, timeout: 5s, approval: { roles: [dba, duty], needed: 2, timeout: 1m } }
        """
      try await stage.begin(text, name: "two")
      async let ended: RunShell.Outcome = stage.runner("two", 1, life: KillSwitch(after: .max))
      func decide(_ user: String, _ groups: [String]) async throws -> KubeObject {
        try await RunStore(client: stage.client(user, groups + ["system:authenticated"])).decide(
          "two", step: "go", approves: true, comment: "yes")
      }
      while try await stage.record("two").steps[0].phase != .waiting { try await Task.sleep(for: .milliseconds(5)) }
      // Whoever claims to be somebody else is written down as who they are.
      let claimed = KubeObject([
        "apiVersion": "federation.tricenter.io/v1", "kind": "RunbookApproval", "metadata": ["name": "claimed"],
        "spec": ["run": "two", "step": "go", "decision": "approve", "user": "lin", "groups": ["dba"]],
      ])
      let stored: KubeObject = try await stage.client("eve", ["visitors"]).create(.runbookApprovals, claimed)
      #expect(stored.spec["user"].string == "eve" && !stored.spec["groups"].array.contains("dba"))
      _ = try await decide("mei", ["dba"])
      _ = try await decide("mei", ["duty"])
      try await Task.sleep(for: .milliseconds(80))
      #expect(try await stage.record("two").steps[0].phase == .waiting)
      _ = try await decide("lin", ["duty"])
      guard case .ended(let record, nil) = try await ended else {
        Issue.record("it did not end")
        return
      }
      #expect(record.phase == .completed)
      // The first of her two counts, whichever that is in the API's order of names.
      #expect(record.decisions.map(\.user).sorted() == ["lin", "mei"])
      #expect(record.decisions.allSatisfy { ["dba", "duty"].contains($0.role) && $0.comment == "yes" })
      #expect(try await RunStore(client: stage.client).get("two").spec["requestedBy"].string == "admin")
    }
  }

  @Test func aRunCannotBeChangedAndAStrangePlanIsRefused() async throws {
    try await RunStage.with { stage in
      try await stage.begin(Self.runbook, name: "fixed")
      let client: KubeClient = stage.client
      for change: JSONValue in [["source": "other"], ["mode": "dry-run"], ["parameters": ["a": "b"]]] {
        await #expect(throws: KubeError.self) {
          try await client.patch(.runbookRuns, name: "fixed", type: .merge, ["spec": change])
        }
      }
      _ = try await RunStore(client: client).abort("fixed")
      await #expect(throws: KubeError.self) {
        try await client.patch(.runbookRuns, name: "fixed", type: .merge, ["spec": ["abort": false]])
      }
      var object: KubeObject = try await RunStore(client: client).get("fixed")
      object.json["spec"]["source"] = .string(Self.runbook.replacing("Six", with: "Seven"))
      #expect(throws: DrillError.self) { try RunStore.plan(object, site: stage.site, actions: stage.actions(KillSwitch(after: .max))) }
    }
  }
}
