import Glibc
import KubeModel
import Primitives
import Testing

/// A whole failover in a fenced copy, beside a production that serves: `Tests/run --drills`.
@Suite(
  "The isolated drill", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"),
  .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct IsolatedLongTests {
  private static let runbook = "\(Program.checkout)/runbooks/isolated-copy.yaml"

  @Test("fails over in a copy, and nothing of the copy is outside") func isolated() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let before: Traces = try await machine.traces()
      let drill = try await lab.drill(Self.runbook, report: "\(machine.folder)/isolated.json")
      let (report, facts): (JSONValue, JSONValue) = (drill.report, drill.report["facts"])
      #expect(drill.said.status == 0 && report["verdict"].string == "passed", "\(report["deviations"]) \(drill.said.errors.suffix(3_000))")
      #expect(facts["copy"]["requests_served"].int ?? 0 > 20 && facts["copy"]["writes_acknowledged"].int ?? 0 > 20, "\(facts["copy"])")
      #expect(facts["copy"]["epochInTheCopy"].int == facts["proof.store"]["epoch"].int.map { $0 + 1 }, "\(facts)")
      let packets: JSONValue = facts["proof.packets"]
      #expect(packets["stopped_at_the_edge"].int ?? 0 >= facts["proof.attempts"]["tried"].int ?? .max, "\(packets)")
      for name in ["passed_the_fence", "out_at_the_far_end", "came_in", "seen_in_the_real_network"] {
        #expect(packets[name].int == 0, "\(name): \(packets)")
      }
      #expect(facts["proof.store"]["of_them_outside"].int == 0 && facts["proof.store"]["members_with_it"].int == 2, "\(facts)")
      #expect(report["simulated"].array.isEmpty)
      print("isolated: lag \(facts["proof.lag"]), copy \(facts["copy"]), packets \(packets)")
      let left: [String] = try await machine.traces().differences(from: before)
      #expect(left.filter { $0.contains("copy") }.isEmpty, "\(left)")
      try await lab.down().passed()
    }
  }

  @Test("ends its copy by itself when whoever ran it is dead") func deadRunner() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let run: Background = try lab.start("drill", "run", Self.runbook, "--directory", lab.directory, "--set", "looks=20", log: "isolated")
      try await eventually("the copy's containers run", within: .seconds(200)) {
        machine.processes().contains { $0.words.contains("host-init") && $0.words.contains("copy-ldr-2") }
      }
      for pid in [run.pid] + descendants(of: run.pid) where readFile("/proc/\(pid)/cmdline").contains("drill") { kill(pid, SIGKILL) }
      try await eventually("nothing of the copy is left", within: .seconds(60)) {
        guard entries("\(lab.directory)/copy").isEmpty else { return false }
        let names: String = try await machine.run(["ip", "netns", "list"]).passed().output
        return !names.contains("copy") && !machine.processes().contains { $0.words.contains("copy-ldr") }
      }
      _ = try? await run.wait()
      #expect(try await lab.activeCenter() == "production")
      try await lab.down().passed()
    }
  }
}
