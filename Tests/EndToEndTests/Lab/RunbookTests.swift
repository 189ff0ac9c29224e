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

    /// It writes, waits for somebody, writes on and looks for everything that was acknowledged.
    static let measured = """
      id: measured
      title: Writes around a gate
      cluster: bank
      objectives: { lostWrites: 0 }
      steps:
        - { id: writes, title: Writers, action: probe.writes, inputs: { namespace: shop, writers: 2 }, timeout: 30s }
        - { id: steady, title: They write, action: probe.steady, inputs: { requests: 0, writes: 40 }, timeout: 60s }
        - id: gate
          title: Somebody opens the gate
          action: object.wait
          inputs: { object: v1/ConfigMap/shop/measured-gate }
          timeout: 200s
        - { id: on, title: They write on, action: probe.steady, inputs: { requests: 0, writes: 40 }, timeout: 60s }
        - { id: stop, title: Stop them, action: probe.stop, timeout: 30s }
        - { id: complete, title: Nothing is lost, action: verify.writes, timeout: 60s }
      """

    /// The runner itself, which nsenter started as its child in the machine: it would live on without nsenter.
    private func killRunner(_ runner: Background) async throws {
      let own: [pid_t] = descendants(of: runner.pid).filter { readFile("/proc/\($0)/cmdline").hasPrefix(lab.program) }
      try #require(!own.isEmpty, "no runner is left to be killed: \(runner.text)")
      for pid in own { kill(pid, SIGKILL) }
      _ = try await runner.wait()
    }

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
      try await killRunner(first)
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
      #expect(again.status == 0 && again.errors.contains("is over"), "\(again)")
      try await lab.kubectl("delete namespace tricenter-drill --wait=true").passed()
    }

    @Test("undo what they did when they are stopped, by another runner if theirs is dead") func aborted() async throws {
      try await lab.home()
      let path: String = try write(Self.gated, "gated")
      let first: Background = try lab.start("runbook", "run", path, "--directory", lab.directory, "--name", "stopped", log: "stopped-1")
      try await eventually("the gate is waited for", within: .seconds(240)) { try await lab.phase("gate", of: "stopped") == "Running" }
      try await killRunner(first)
      try await lab.runbook("abort", "stopped").passed()
      let resumed: Said = try await lab.runbook("resume", "stopped", "--wait", "60s")
      #expect(resumed.status == 1, "\(resumed)")
      #expect(try await lab.run("stopped")["status"]["runner"]["epoch"].int == 2)
      #expect(try await lab.run("stopped")["status"]["phase"].string == "Aborted")
      #expect(try await lab.phase("move", of: "stopped") == "Compensated")
      #expect(try await lab.activeCenter() == "production")
      try await eventually("its namespace is gone") { try await lab.kubectl("get namespace tricenter-drill").status != 0 }
    }

    @Test("that measure are judged by what both runners measured") func measured() async throws {
      try await lab.home()
      let path: String = try write(Self.measured, "measured")
      let report = "\(lab.machine.folder)/measured.json"
      let first: Background = try lab.start("runbook", "run", path, "--directory", lab.directory, "--name", "measured", log: "measured-1")
      try await eventually("the gate is waited for, and what was written is kept", within: .seconds(120)) {
        guard try await lab.phase("gate", of: "measured") == "Running" else { return false }
        let kept: String = try await lab.run("measured")["status"]["facts"]["measured.1"].string ?? ""
        return (try? JSONValue.parse(Bytes(kept)))?["writes"]["count"].int ?? 0 >= 40
      }
      try await killRunner(first)
      try await lab.kubectl("-n shop create configmap measured-gate").passed()
      let second: Said = try await lab.runbook("resume", "measured", "--wait", "60s", "--report", report)
      #expect(second.status == 0, "\(second)")
      let found: JSONValue = try JSONValue.parse(readFile(report))
      #expect(found["verdict"].string == "passed" && found["lost_writes"].int == 0, "\(found["deviations"])")
      let parts: [JSONValue] = found["measured_by"].array
      #expect(parts.count == 2 && parts[0]["writes"]["acknowledged"].int ?? 0 >= 40, "\(parts)")
      #expect(found["acknowledged_writes"].int == parts.reduce(0) { $0 + ($1["writes"]["acknowledged"].int ?? 0) })
      #expect(found["unobserved"].array.allSatisfy { $0["during"].array.isEmpty }, "\(found["unobserved"])")
      try await lab.kubectl("-n shop delete configmap measured-gate").passed()
    }

    /// A person with a certificate of the lab's authority; returns a kubeconfig of theirs.
    private func person(_ name: String, in group: String) async throws -> String {
      let (file, server): (String, String) = ("\(lab.machine.folder)/\(name).kubeconfig", try server())
      try await lab.tricenter("pki", "person", name, "--group", group, "--directory", lab.pki).passed()
      try await lab.tricenter(
        "pki", "kubeconfig", "--cluster", "bank", "--server", server, "--person", name, "--directory", lab.pki, "--file", file
      ).passed()
      return file
    }

    private func server() throws -> String {
      let line: Substring? = readFile("\(lab.directory)/kubeconfig").split(separator: "\n").first { $0.contains("server: ") }
      return trimmed(String(try #require(line?.split(separator: " ").last))).replacing("\"", with: "")
    }

    @Test("go on once two of three roles have approved: each person counts once, and a stranger not at all") func approved() async throws {
      try await lab.home()
      let (mei, lin, eve) = (
        try await person("mei", in: "drill-leads"), try await person("lin", in: "duty-managers"), try await person("eve", in: "visitors")
      )
      func approve(_ kubeconfig: String) async throws -> Said {
        try await lab.machine.run(
          [lab.program, "runbook", "approve", "approved", "move", "--comment", "seen"], environment: ["KUBECONFIG": kubeconfig])
      }
      let report = "\(lab.machine.folder)/approved.json"
      let run: Background = try lab.start(
        "runbook", "run", "\(Program.checkout)/runbooks/failover-approval.yaml", "--directory", lab.directory, "--name", "approved",
        "--report", report, log: "approved")
      try await eventually("the move waits", within: .seconds(120)) { try await lab.phase("move", of: "approved") == "Waiting" }
      for who in [eve, mei, mei] { try await approve(who).passed() }
      // The runner looks every second.
      try await eventually("mei was counted") { try await lab.run("approved")["status"]["approvals"].array.count == 1 }
      try await Task.sleep(for: .milliseconds(2_500))
      #expect(try await lab.phase("move", of: "approved") == "Waiting")
      #expect(try await lab.activeCenter() == "production")
      try await approve(lin).passed()
      #expect(try await run.wait(within: .seconds(240)) == 0, "\(run.text)")
      let found: JSONValue = try JSONValue.parse(readFile(report))
      let decisions: [JSONValue] = found["participants"]["approvals"].array
      #expect(decisions.map { $0["user"].string } == ["mei", "lin"], "\(decisions)")
      #expect(decisions.map { $0["role"].string } == ["drill-leads", "duty-managers"], "\(decisions)")
      #expect(found["lost_writes"].int == 0 && found["acknowledged_writes"].int ?? 0 >= 40)
      #expect(try await lab.activeCenter() == "production")
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
