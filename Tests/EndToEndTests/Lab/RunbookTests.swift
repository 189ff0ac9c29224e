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
