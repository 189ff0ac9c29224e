import Glibc
import KubeModel
import Primitives
import Processes
import Testing

extension LabSuite {
  /// What people type to move a cluster, and what they are told.
  @Suite("People's verbs", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct VerbTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private func tricenter(_ line: String, center: String? = nil, input: String = "") async throws -> Said {
      let words: [String] = line.split(separator: " ").map(String.init)
      let environment: [String: String] = [
        "KUBECONFIG": center.map { "\(lab.directory)/kubeconfig-\($0)" } ?? "\(lab.directory)/kubeconfig"
      ]
      return try await lab.machine.run([lab.program] + words, input: input, environment: environment, timeout: .seconds(180))
    }

    @Test("a dry run tells everything and does nothing; a switchover is followed from another center to its end") func switchover()
      async throws
    {
      try await lab.home()
      let dry: Said = try await tricenter("switchover bank --to local-dr --dry-run")
      #expect(dry.status == 0, "\(dry)")
      #expect(dry.output.contains("Nothing was done: a dry run."), "\(dry)")
      #expect(try await lab.activeCenter() == "production")
      // Who may only look is told so, and what the rules find besides.
      try await lab.tricenter("pki", "person", "vera", "--group", "tricenter:viewers", "--directory", lab.pki).passed()
      let own = "\(lab.machine.folder)/vera.kubeconfig"
      let line: Substring? = readFile("\(lab.directory)/kubeconfig").split(separator: "\n").first { $0.contains("server: ") }
      let server: String = String(try #require(line?.split(separator: " ").last)).replacing("\"", with: "")
      try await lab.tricenter(
        "pki", "kubeconfig", "--cluster", "bank", "--server", server, "--person", "vera", "--directory", lab.pki, "--file", own
      ).passed()
      let viewer: Said = try await lab.machine.run(
        [lab.program, "switchover", "bank", "--to", "local-dr", "--dry-run"], environment: ["KUBECONFIG": own])
      #expect(viewer.status == 2 && viewer.output.contains("rights") && viewer.output.contains("vera"), "\(viewer)")
      // To where it is already: refused, with exit code 2.
      let nowhere: Said = try await tricenter("switchover bank --to production --yes --wait")
      #expect(nowhere.status == 2 && nowhere.everything.contains("production is active"), "\(nowhere)")
      // A failover is for a loss.
      let failover: Said = try await tricenter("failover bank --to local-dr --yes --wait")
      #expect(failover.status == 2 && failover.everything.contains("tricenter switchover bank --to local-dr"), "\(failover)")
      // Nobody is there to be asked.
      let unasked: Said = try await tricenter("switchover bank --to local-dr")
      #expect(unasked.status == 2 && unasked.errors.contains("--yes"), "\(unasked)")

      let begun: Said = try await tricenter("switchover bank --to local-dr --yes", center: "production").passed()
      #expect(begun.text.hasPrefix("operation/bank-switchover-"), "\(begun)")
      let watched: Said = try await tricenter("operation watch \(begun.text)", center: "remote-dr")
      #expect(watched.status == 0 && watched.output.contains("Completed"), "\(watched)")
      #expect(try await lab.activeCenter() == "local-dr")
      let shown: Said = try await tricenter("operation show \(begun.text)", center: "local-dr").passed()
      for word in ["Accepted", "Activated", "TookOver"] { #expect(shown.output.contains(word), "\(word) is missing: \(shown)") }
      #expect(try await tricenter("operation list -o name").passed().output.contains("failover.federation.tricenter.io/bank-switchover-"))

      let back: Said = try await tricenter("failback bank --to production --yes --wait")
      #expect(back.status == 0, "\(back)")
      #expect(try await lab.activeCenter() == "production")
    }

    @Test("a namespace is evacuated and comes home, and nothing else moves") func evacuation() async throws {
      try await lab.home()
      let pod = """
        {apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: payments}, spec: {replicas: 2,
          selector: {matchLabels: {app: api}}, template: {metadata: {labels: {app: api}},
            spec: {terminationGracePeriodSeconds: 1, containers: [{name: api, image: "tricenter.local/web:1", imagePullPolicy: IfNotPresent}]}}}}
        """
      try await lab.kubectl("create namespace payments").passed()
      try await lab.kubectl("apply -f -", input: pod).passed()
      func hosts(_ namespace: String) async throws -> Set<String> {
        let said: String = try await lab.kubectl("-n \(namespace) get pods -o jsonpath={.items[*].spec.nodeName}").passed().text
        return Set(said.split(separator: " ").map { String($0.split(separator: "-")[0]) })
      }
      func active(_ host: String) async throws -> String {
        try await lab.run(
          [
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "\(lab.pki)/ca.pem",
            "https://\(TestLab.address[host] ?? host):8008/active?namespace=payments",
          ], on: "branch"
        ).text
      }
      try await lab.kubectl("-n payments wait --for=condition=Available deployment/api --timeout=120s").passed()
      let missing: Said = try await tricenter("evacuate bank --namespace moon --to local-dr --yes --wait")
      #expect(missing.status == 2 && missing.everything.contains("There is no namespace moon"), "\(missing)")
      let system: Said = try await tricenter("evacuate bank --namespace kube-system --to local-dr --dry-run")
      #expect(system.status == 2 && system.output.contains("which every center has"), "\(system)")
      let shop: Set<String> = try await hosts("shop")
      let epoch: String = try await lab.kubectl("get cluster bank -o jsonpath={.status.activation.epoch}").passed().text

      let there: Said = try await tricenter("evacuate bank --namespace payments --to local-dr --yes --wait", center: "remote-dr")
      #expect(there.status == 0 && there.everything.contains("Completed"), "\(there)")
      #expect(try await hosts("payments") == ["ldr"])
      #expect(try await lab.kubectl("-n payments get deployment api -o jsonpath={.status.readyReplicas}").passed().text == "2")
      #expect(try await active("ldr-1") == "200")
      #expect(try await active("prod-1") == "503")
      #expect(try await tricenter("status").output.contains("payments"))
      #expect(try await lab.kubectl("get cluster bank -o wide").passed().output.contains("payments@local-dr"))
      let twice: Said = try await tricenter("evacuate bank --namespace payments --to local-dr --yes --wait")
      #expect(twice.status == 2 && twice.everything.contains("payments is in local-dr"), "\(twice)")
      #expect(try await hosts("shop") == shop)

      let back: Said = try await tricenter("evacuate bank --namespace payments --to production --yes --wait", center: "local-dr")
      #expect(back.status == 0, "\(back)")
      #expect(try await hosts("payments") == ["prod"])
      #expect(try await active("ldr-1") == "503")
      #expect(try await active("prod-1") == "200")
      #expect(try await lab.kubectl("get cluster bank -o jsonpath={.status.activation.epoch}").passed().text == epoch)
      #expect(try await hosts("shop") == shop)
      try await lab.kubectl("delete namespace payments --timeout=60s").passed()
    }

    @Test("a closed gate holds a move back until somebody opens it") func gate() async throws {
      try await lab.home()
      let gate = """
        {"apiVersion":"federation.tricenter.io/v1","kind":"Gate","metadata":{"name":"freeze"},
        "spec":{"cluster":"bank","closed":true,"reason":"quarter end"}}
        """
      try await lab.kubectl("create -f -", input: gate).passed()
      let held: Said = try await tricenter("switchover bank --to local-dr --dry-run")
      #expect(held.status == 2 && held.output.contains("quarter end") && held.output.contains("kubectl patch gate freeze"), "\(held)")
      try await lab.kubectl("delete gate freeze").passed()
    }

    @Test("readiness and status tell every center, in every form") func readiness() async throws {
      try await lab.home()
      try await eventually("every center was evaluated") {
        let said: Said = try await tricenter("readiness -o json")
        guard [0, 1].contains(said.status), let list = try? JSONValue.parse(Bytes(said.output.utf8)) else { return false }
        return list["items"].array.count == 3
      }
      let told: Said = try await tricenter("readiness -o wide")
      for center in TestLab.centers { #expect(told.output.contains(center), "\(told)") }
      #expect(told.output.contains("EVALUATED"))
      #expect(!told.output.contains("\u{1B}"), "no colour where no terminal is")
      let strange: Said = try await tricenter("readiness --center moon")
      #expect(strange.status == 1 && strange.errors.contains("there are: local-dr, production, remote-dr"), "\(strange)")
      let status: Said = try await tricenter("status -o wide")
      for word in ["production, epoch", "AGE", "SOURCE", "vantage", "prod-1"] {
        #expect(status.output.contains(word), "\(word): \(status)")
      }
      // The lab's probe on the branch side, and what it sees, without asking for more.
      try await eventually("the branch is served by production") {
        try await tricenter("status").output.split(separator: "\n").contains {
          $0.contains("branch-1") && $0.contains("Reports") && $0.contains("production serving")
        }
      }
      #expect(try await tricenter("status -o name").output.contains("cluster.federation.tricenter.io/bank"))
      let lost: Said = try await tricenter("status --kubeconfig /nowhere")
      #expect(lost.status == 3 && lost.errors.contains("KUBECONFIG"), "\(lost)")
    }

    @Test("role URLs say who is active, to whoever asks") func roles() async throws {
      try await lab.home()
      func code(_ host: String, _ path: String) async throws -> String {
        try await lab.run(
          [
            "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "\(lab.pki)/ca.pem",
            "https://\(TestLab.address[host] ?? host):8008\(path)",
          ], on: "branch"
        ).text
      }
      #expect(try await code("prod-1", "/active") == "200")
      #expect(try await code("ldr-1", "/active") == "503")
      #expect(try await code("ldr-1", "/standby") == "200")
      #expect(try await code("prod-1", "/standby") == "503")
      #expect(try await code("rdr-1", "/readiness?lag=5s") == "200")
      #expect(try await code("rdr-1", "/readiness?lag=soon") == "400")
      #expect(try await code("prod-1", "/metrics") == "404")
    }
  }
}
