import Glibc
import KubeModel
import Primitives
import Testing

extension TestLab {
  func runbook(_ words: String..., timeout: Duration = .seconds(300)) async throws -> Said {
    try await machine.run([program, "runbook"] + words + ["--directory", directory], environment: environment, timeout: timeout)
  }

  func run(_ name: String) async throws -> JSONValue {
    try JSONValue.parse(try await runbook("status", name, "-o", "json").passed().output)
  }

  /// Empty while the run, or the step in it, is not there yet.
  func phase(_ step: String, of run: String) async throws -> String {
    let said: Said = try await runbook("status", run, "-o", "json")
    if said.status != 0, said.errors.contains("not found") { return "" }
    return try JSONValue.parse(try said.passed().output)["status"]["steps"].array.first { $0["name"].string == step }?["phase"].string ?? ""
  }
}

extension LabSuite {
  @Suite("Runbooks", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct RunbookTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    /// It moves the cluster, waits for somebody, and goes on.
    static let gated = """
      id: gated
      title: A planned move with a gate
      cluster: bank
      steps:
        - id: prepare
          title: A namespace of its own
          action: workload.apply
          inputs: { file: workloads/drill-namespace.yaml }
          timeout: 60s
          compensation: { action: workload.remove, inputs: { file: workloads/drill-namespace.yaml } }
        - id: move
          title: A planned move to local-dr
          action: cluster.moveTo
          inputs: { center: local-dr }
          timeout: 150s
          compensation: { action: cluster.moveTo, inputs: { center: production } }
        - id: gate
          title: Somebody opens the gate
          action: object.wait
          inputs: { object: v1/ConfigMap/tricenter-drill/gate }
          timeout: 200s
        - id: home
          title: A planned move home
          action: cluster.moveTo
          inputs: { center: production }
          timeout: 150s
      """

    private func write(_ text: String, _ name: String) throws -> String {
      let folder = "\(lab.machine.folder)/runbooks"
      mkdir(folder, 0o755)
      mkdir("\(folder)/workloads", 0o755)
      for file in ["shop-web", "drill-namespace"] {
        try writeFile(readFile("\(Program.checkout)/runbooks/workloads/\(file).yaml"), to: "\(folder)/workloads/\(file).yaml")
      }
      try writeFile(text, to: "\(folder)/\(name).yaml")
      return "\(folder)/\(name).yaml"
    }

    private func openGate() async throws {
      try await lab.kubectl("-n tricenter-drill create configmap gate").passed()
    }

    @Test("are checked, planned and tried out without an effect") func withoutEffect() async throws {
      try await lab.home()
      let path: String = try write(Self.gated, "gated")
      try await lab.runbook("check", path).passed()
      let missing: String = try write(
        Self.gated.replacing("id: gate\n", with: "id: gate\n    evidence: [apps/v1/Deployment/shop/moon]\n"), "missing")
      let refused: Said = try await lab.runbook("check", missing)
      #expect(
        refused.status == 2 && refused.output.contains("missing.yaml:") && refused.output.contains("not in the cluster"), "\(refused)")
      let plan: Said = try await lab.runbook("plan", path).passed()
      #expect(plan.output.contains("CHANGES cluster.moveTo center=local-dr") && plan.output.contains("undone by"), "\(plan)")
      let tried: Said = try await lab.runbook("run", path, "--mode", "dry-run", "--name", "tried").passed()
      #expect(tried.output.contains("would cluster.moveTo center=local-dr"), "\(tried)")
      try await lab.runbook("run", path, "--mode", "precheck", "--name", "prechecked").passed()
      let isolated: Said = try await lab.runbook("run", path, "--mode", "isolated")
      #expect(isolated.status == 2 && isolated.errors.contains("cluster.moveTo would reach the real federation"), "\(isolated)")
      #expect(try await lab.activeCenter() == "production")
      let list: Said = try await lab.runbook("list", "-o", "name").passed()
      #expect(list.output.contains("runbookrun.federation.tricenter.io/tried"), "\(list)")
    }

    @Test("go on after kill -9 of their runner, and nothing happens twice") func killed() async throws {
      try await lab.home()
      let path: String = try write(Self.gated, "gated")
      let first: Background = try lab.start("runbook", "run", path, "--directory", lab.directory, "--name", "killed", log: "killed-1")
      try await eventually("the gate is waited for", within: .seconds(240)) { try await lab.phase("gate", of: "killed") == "Running" }
      kill(first.pid, SIGKILL)
      _ = try await first.wait()
      // Its lease is not over yet.
      let early: Said = try await lab.runbook("resume", "killed", "--wait", "1s")
      #expect(early.status == 2 && early.errors.contains("carries run killed out"), "\(early)")
      let second: Background = try lab.start(
        "runbook", "resume", "killed", "--directory", lab.directory, "--wait", "60s", "--report", "\(lab.machine.folder)/killed.json",
        log: "killed-2")
      try await eventually("another runner has it", within: .seconds(90)) {
        try await lab.run("killed")["status"]["runner"]["epoch"].int == 2
      }
      try await openGate()
      #expect(try await second.wait(within: .seconds(240)) == 0, "\(second.text)")
      let run: JSONValue = try await lab.run("killed")
      #expect(run["status"]["phase"].string == "Completed" && run["status"]["verdict"].string == "passed", "\(run)")
      let moves: Said = try await lab.kubectl("get failovers -o json").passed()
      let mine: [JSONValue] = try JSONValue.parse(moves.output)["items"].array.filter {
        $0["spec"]["reason"].string?.contains("gated") == true
      }
      #expect(mine.count == 2, "\(mine.count) moves")
      #expect(try await lab.activeCenter() == "production")
      let verified: Said = try await lab.tricenter("drill", "verify", "\(lab.machine.folder)/killed.json", "--directory", lab.directory)
      #expect(verified.status == 0, "\(verified)")
      let again: Said = try await lab.runbook("resume", "killed")
      #expect(again.status == 2 && again.errors.contains("is over"), "\(again)")
      try await lab.kubectl("delete namespace tricenter-drill --wait=true").passed()
    }

    @Test("undo what they did when they are stopped, by another runner if theirs is dead") func aborted() async throws {
      try await lab.home()
      let path: String = try write(Self.gated, "gated")
      let first: Background = try lab.start("runbook", "run", path, "--directory", lab.directory, "--name", "stopped", log: "stopped-1")
      try await eventually("the gate is waited for", within: .seconds(240)) { try await lab.phase("gate", of: "stopped") == "Running" }
      kill(first.pid, SIGKILL)
      _ = try await first.wait()
      try await lab.runbook("abort", "stopped").passed()
      let resumed: Said = try await lab.runbook("resume", "stopped", "--wait", "60s")
      #expect(resumed.status == 1, "\(resumed)")
      #expect(try await lab.run("stopped")["status"]["phase"].string == "Aborted")
      #expect(try await lab.phase("move", of: "stopped") == "Compensated")
      #expect(try await lab.activeCenter() == "production")
      try await eventually("its namespace is gone") { try await lab.kubectl("get namespace tricenter-drill").status != 0 }
    }

    @Test("move nothing when nobody approves in time") func approval() async throws {
      try await lab.home()
      let path = "\(Program.checkout)/runbooks/approval-timeout.yaml"
      let said: Said = try await lab.runbook("run", path, "--name", "unapproved")
      #expect(said.status == 1 && said.errors.contains("0 of 2 approvals came within 5s"), "\(said)")
      #expect(try await lab.activeCenter() == "production")
      try await eventually("its namespace is gone") { try await lab.kubectl("get namespace tricenter-drill").status != 0 }
      let late: Said = try await lab.runbook("approve", "unapproved", "move")
      #expect(late.status == 2 && late.errors.contains("does not wait for a decision"), "\(late)")
    }
  }
}
