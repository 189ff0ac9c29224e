import Federation
import Glibc
import KubeClient
import KubeModel
import Primitives
import Testing

/// What must not be carried out, asked for by people's own commands against two apiservers in this process: refused or queued with the
/// reason, with the exit code that says so, and every decision with its inputs in the audit trail.
@Suite("Verbs: bad input and abuse", .serialized) struct VerbAbuseTests {
  private struct Told {
    var status: Int32
    var text: String
  }

  private static func say(_ ground: VerbGround, _ line: String, at center: CenterName = "production") async throws -> Told {
    let running: Background = try ground.start(
      line.split(separator: " ").map(String.init), at: center, log: "abuse-\(UInt32.random(in: 0...(.max)))")
    let status: Int32 = try await running.wait(within: .seconds(60))
    return Told(status: status, text: running.text)
  }

  private static func setReady(_ ground: VerbGround, _ ready: Bool) async throws {
    _ = try await ground.client.patch(
      .nodes, name: "l1", type: .merge, ["status": ["conditions": [["type": "Ready", "status": ready ? "True" : "False"]]]],
      subresource: "status")
  }

  @Test("a center that is not ready, a stale epoch, nowhere, no loss: refused with object, measured value, limit and cure") func refused()
    async throws
  {
    try await VerbGround.run { ground in
      try await Self.setReady(ground, false)
      let unready: Told = try await Self.say(ground, "switchover bank --to local-dr --yes --wait")
      #expect(unready.status == 2, "\(unready)")
      for word in ["no node of local-dr is ready", "capacity", "CURE", "Refused"] {
        #expect(unready.text.contains(word), "\(word) is missing: \(unready.text)")
      }
      let dry: Told = try await Self.say(ground, "switchover bank --to local-dr --epoch 99 --dry-run")
      #expect(dry.status == 2 && dry.text.contains("no node of local-dr is ready") && dry.text.contains("epoch 99"), "all of them: \(dry)")
      try await Self.setReady(ground, true)
      for (line, words) in [
        ("switchover bank --to local-dr --epoch 99 --yes --wait", "decided under epoch 99"),
        ("switchover bank --to moon --yes --wait", "moon"), ("switchover bank --to production --yes --wait", "production is active"),
        ("failover bank --to local-dr --yes --wait", "tricenter switchover bank --to local-dr"),
        ("failback bank --to local-dr --yes --wait", "not where bank is at home"),
        ("switchover bank --from local-dr --to production --yes --wait", "production"),
      ] {
        let told: Told = try await Self.say(ground, line)
        #expect(told.status == 2 && told.text.contains(words), "\(line): \(told)")
      }
      let record: ActivationRecord? = try await ground.record()
      #expect(record?.center == "production" && record?.epoch == 1, "nothing moved")
      try await eventually("every refusal is in the audit trail, with what was known", within: .seconds(20)) {
        let decisions: [KubeObject] = try await ground.client.list(.decisions).items.filter { $0.spec["decision"] == "Refused" }
        return decisions.count >= 5
          && decisions.allSatisfy { $0.spec["inputs"]["epoch"] == 1 && $0.spec["reason"].string?.isEmpty == false }
          && decisions.contains { $0.spec["inputs"]["findings"].array.contains { $0["rule"] == "capacity" } }
      }
    }
  }

  @Test("twice at once, and during a drill: one is carried out, the other one refused or queued with the reason") func atOnce() async throws
  {
    try await VerbGround.run { ground in
      let lines: [(String, CenterName)] = [
        ("switchover bank --to local-dr --yes --wait", "production"), ("switchover bank --to local-dr --yes --wait", "local-dr"),
      ]
      let both: [Told] = try await withThrowingTaskGroup(of: Told.self) { group in
        for (line, center) in lines { group.addTask { try await Self.say(ground, line, at: center) } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(both.map(\.status).sorted() == [0, 2], "\(both)")
      #expect(try await ground.record()?.epoch == 2, "the cluster moved once")

      _ = try await ground.client.create(
        .drills,
        KubeObject([
          "apiVersion": "federation.tricenter.io/v1", "kind": "Drill", "metadata": ["name": "fire"],
          "spec": ["runbook": "production-loss", "mode": "live", "requestedBy": "tricenter drill run"],
        ]))
      _ = try await ground.client.patch(.drills, name: "fire", type: .merge, ["status": ["phase": "Running"]], subresource: "status")
      let asked: Told = try await Self.say(ground, "failback bank --to production --yes")
      let id: String = String(asked.text.split(separator: "\n").first ?? "")
      #expect(asked.status == 0 && id.hasPrefix("operation/"), "\(asked)")
      try await eventually("it is queued behind the drill", within: .seconds(20)) {
        let shown: Told = try await Self.say(ground, "operation show \(id)", at: "local-dr")
        return shown.status == 3 && shown.text.contains("the drill fire runs")
      }
      _ = try await ground.client.patch(.drills, name: "fire", type: .merge, ["status": ["phase": "Completed"]], subresource: "status")
      let watched: Told = try await Self.say(ground, "operation watch \(id)", at: "local-dr")
      #expect(watched.status == 0 && watched.text.contains("Completed"), "\(watched)")
    }
  }
}
