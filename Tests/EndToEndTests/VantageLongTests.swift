import Glibc
import KubeModel
import Primitives
import Testing

/// The federation's daemons of production stand still while clients are served there: `Tests/run --drills`.
@Suite(
  "The branch's vantage", .serialized, .enabled(if: Program.runsDrills, "Tests/run --drills runs it"),
  .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct VantageLongTests {
  /// What serves is no pod: those the nodes end with the lease, whoever is served by them.
  @Test("a data path that is served keeps a takeover back; when it ends, local-dr takes over") func held() async throws {
    try await Machine.run { machine in
      let lab = TestLab(machine: machine)
      try await lab.up().passed()
      let server: Background = try machine.start(
        ["busybox", "httpd", "-f", "-p", "10.71.0.11:18080", "-h", "\(Program.checkout)/runbooks"], on: "prod-1", log: "server")
      try await lab.tricenter("pki", "person", "counter", "--group", "tricenter:vantages", "--directory", lab.pki).passed()
      let kubeconfig = "\(machine.folder)/counter.kubeconfig"
      try await lab.tricenter(
        "pki", "kubeconfig", "--cluster", "bank", "--server", "https://10.72.0.11:6443", "--person", "counter", "--directory", lab.pki,
        "--file", kubeconfig
      ).passed()
      _ = try machine.start(
        [
          lab.program, "vantage", "--name", "counter", "--cluster", "bank", "--probe", "production=http://10.71.0.11:18080/",
          "--kubeconfig", kubeconfig,
        ], on: "branch", log: "counter")
      try await eventually("the counter is served", within: .seconds(30)) {
        let said: Said = try await lab.kubectl("get vantage counter -o jsonpath={.spec.sees[0].serving}")
        return said.status == 0 && said.text == "true"
      }
      let daemons: [pid_t] = ["prod-1", "prod-2"].compactMap { lab.daemon("center", $0) }
      try #require(daemons.count == 2)
      for pid in daemons { kill(pid, SIGSTOP) }
      @Sendable func active() async throws -> String {
        try await lab.kubectl(
          "-n tricenter-system get lease activation-bank -o jsonpath={.spec.holderIdentity}", center: "local-dr"
        ).text
      }
      do {
        try await eventually("local-dr says why it waits", within: .seconds(30)) {
          try await lab.kubectl("get decisions -o json", center: "local-dr").output.contains("clients are served")
        }
        #expect(try await active() == "production")
        for pid in [server.pid] + descendants(of: server.pid) { kill(pid, SIGKILL) }
        try await eventually("local-dr takes over when the counter is not served", within: .seconds(30)) {
          try await active() == "local-dr"
        }
      } catch {
        for pid in daemons { kill(pid, SIGCONT) }
        throw error
      }
      for pid in daemons { kill(pid, SIGCONT) }
      try await lab.down().passed()
    }
  }
}
