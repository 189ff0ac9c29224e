import KubeModel
import Primitives
import Testing

extension LabSuite {
  /// Who may ask for what: groups of certificates (O), as a stock kubectl and our own verbs are told.
  @Suite("Rights of people", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct RightsTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private static let people: [(name: String, groups: [String])] = [
      ("vera", ["tricenter:viewers"]), ("li", ["tricenter:approvers"]), ("otto", ["tricenter:operators"]), ("nina", ["people"]),
    ]
    private static let verbs: [String] = ["switchover", "failover", "failback", "reprotect", "planned"]

    /// A kubeconfig of one's own.
    private func kubeconfig(_ name: String, _ groups: [String]) async throws -> String {
      let file = "\(lab.machine.folder)/rights-\(name).kubeconfig"
      let line: Substring? = readFile("\(lab.directory)/kubeconfig").split(separator: "\n").first { $0.contains("server: ") }
      let server: String = String(try #require(line?.split(separator: " ").last)).replacing("\"", with: "")
      let words: [String] = [lab.program, "pki", "person", name, "--directory", lab.pki] + groups.flatMap { ["--group", $0] }
      try await lab.machine.run(words).passed()
      try await lab.tricenter(
        "pki", "kubeconfig", "--cluster", "bank", "--server", server, "--person", name, "--directory", lab.pki, "--file", file
      ).passed()
      return file
    }

    private func request(_ verb: String) -> String {
      """
      {"apiVersion":"federation.tricenter.io/v1","kind":"Failover","metadata":{"name":"rights-\(verb)"},
      "spec":{"cluster":"bank","to":"local-dr","kind":"\(verb)"}}
      """
    }

    @Test("a kubectl of every group, for every verb: only operators ask, only others approve, nobody writes the audit trail") func matrix()
      async throws
    {
      try await lab.home()
      for (name, groups) in Self.people {
        let file: String = try await kubeconfig(name, groups)
        func kubectl(_ line: String, input: String = "") async throws -> Said {
          try await lab.machine.run(
            ["kubectl"] + line.split(separator: " ").map(String.init), input: input, environment: ["KUBECONFIG": file],
            timeout: .seconds(60))
        }
        func expect(_ line: String, _ allowed: Bool, input: String = "") async throws {
          let said: Said = try await kubectl(line, input: input)
          #expect((said.status == 0) == allowed, "\(name): kubectl \(line): \(said)")
          if !allowed { #expect(said.errors.contains("Forbidden") && said.errors.contains(name), "\(name): kubectl \(line): \(said)") }
        }
        for verb in Self.verbs {
          try await expect("create --dry-run=server -f -", name == "otto", input: request(verb))
        }
        let isKnown: Bool = name != "nina"
        for resource in ["failovers", "centers", "clusters", "decisions", "vantages", "gates", "nodes"] {
          try await expect("get \(resource)", isKnown)
        }
        try await expect("get secrets -A", false)
        try await expect("delete centers production", false)
        try await expect("patch cluster bank --type=merge -p {\"spec\":{\"paused\":true}}", false)
        try await expect("delete decisions --all", false)
        let mayGate: Said = try await kubectl("auth can-i create gates.federation.tricenter.io")
        #expect((mayGate.status == 0) == (name == "otto"), "\(name): \(mayGate)")
        let mayApprove: Said = try await kubectl("auth can-i patch failovers.federation.tricenter.io")
        #expect((mayApprove.status == 0) == ["li", "otto"].contains(name), "\(name): \(mayApprove)")
      }
    }

    @Test("our own verbs are refused with exit code 2, say whose right is missing, and leave nothing behind") func verbs() async throws {
      try await lab.home()
      let before: String = try await lab.kubectl("get failovers -o name").passed().output
      for (name, groups) in Self.people where name != "otto" {
        let file: String = try await kubeconfig(name, groups)
        for verb in ["switchover", "failover", "failback", "reprotect"] {
          let said: Said = try await lab.machine.run(
            [lab.program, verb, "bank", "--to", "local-dr", "--yes"], environment: ["KUBECONFIG": file], timeout: .seconds(60))
          #expect(said.status == 2 && said.errors.contains("User \"\(name)\" cannot create"), "\(name), \(verb): \(said)")
        }
      }
      #expect(try await lab.kubectl("get failovers -o name").passed().output == before)
      #expect(try await lab.activeCenter() == "production")
    }
  }
}
