import Glibc
import KubeModel
import Primitives
import Processes
import Testing

/// Where there is no root or no containerd: loopback addresses, simulated pods, and the whole drill all the same.
@Suite("The lab's fallback", .serialized, .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
struct FallbackTests {
  @Test(
    "runs the whole drill on loopback, says so in one line, and leaves nothing", .enabled(if: Client.kubectl, "kubectl is not installed"))
  func loopback() async throws {
    try await Machine.run { machine in
      var lab = TestLab(machine: machine)
      lab.environment = ["TRICENTER_LAB_LOOPBACK": "1"]
      try lab.becomePatient()
      let before: Traces = try await machine.traces()
      let up: Said = try await lab.up().passed()
      let said: [Substring] = up.errors.split(separator: "\n").filter { $0.contains("falls back") }
      #expect(said.count == 1 && said.first?.contains("SIMULATED") == true && said.first?.contains("TRICENTER_LAB_LOOPBACK=1") == true)
      #expect(try await machine.traces().networkNamespaces.isEmpty)
      #expect(try await lab.status()["simulated"].bool == true)

      let runbook: String = try Runbooks.write("loopback", in: machine.folder, Runbooks.patient)
      let drill = try await lab.drill(runbook, report: "\(machine.folder)/loopback.json")
      expectPassed(drill)
      #expect("\(drill.report["simulated"])".contains("simulated"))
      #expect(try await lab.kubectl("get nodes -o name").passed().text.split(separator: "\n").count == 5)
      let link: Said = try await lab.link("production", "remote-dr", "--cut")
      #expect(link.status != 0 && link.errors.contains("without a wide-area element"), "\(link)")

      try await lab.down().passed()
      let left: [String] = try await machine.traces().differences(from: before)
      #expect(left.isEmpty, "\(left.joined(separator: "; "))")
    }
  }

  @Test("is what an ordinary user gets, and needs nothing of root") func ordinaryUser() async throws {
    try await Machine.run { machine in
      var lab = TestLab(machine: machine)
      // The executable may lie where only root can go.
      chmod(machine.folder, 0o755)
      let (bin, home) = ("\(machine.folder)/bin", "\(machine.folder)/home")
      mkdir(bin, 0o755)
      mkdir(home, 0o755)
      chown(home, 65_534, 65_534)
      try await machine.run(["cp", Program.path, Program.siteFile, bin]).passed()
      try await machine.run(["chmod", "755", "\(bin)/tricenter"]).passed()
      (lab.user, lab.home, lab.program, lab.siteFile) = (65_534, home, "\(bin)/tricenter", "\(bin)/site.yaml")
      lab.environment = ["HOME": home]
      let help: Said = try await lab.tricenter("--help")
      guard help.status == 0 else {
        print("skipped: an ordinary user cannot run what was built here: \(trimmed(help.errors))")
        return
      }
      let before: Traces = try await machine.traces()
      let up: Said = try await lab.up().passed()
      let said: [Substring] = up.errors.split(separator: "\n").filter { $0.contains("falls back") }
      #expect(said.count == 1 && said.first?.contains("need root") == true, "\(up)")
      let owners: Said = try await machine.run(["find", lab.directory, "!", "-user", "65534"]).passed()
      #expect(owners.output == "")
      let secrets: Said = try await machine.run(["find", lab.directory, "-name", "*.key", "!", "-perm", "600"]).passed()
      #expect(secrets.output == "")
      if Client.kubectl {
        #expect(try await lab.kubectl("get nodes -o name").passed().text.split(separator: "\n").count == 5)
        try await lab.kubectl("apply -f -", input: readFile("\(Program.checkout)/runbooks/workloads/shop-web.yaml")).passed()
        try await lab.kubectl("-n shop rollout status deployment/web --timeout=120s").passed()
      }
      if Client.dig {
        let names: Said = try await lab.run(["dig", "+short", "@127.72.0.11", "-p", "10053", "web.shop.bank.tricenter.test"])
        #expect(!Client.kubectl || Set(names.output.split(separator: "\n")) == ["127.71.0.11", "127.71.0.12"], "\(names)")
      }
      try await lab.down().passed()
      let left: [String] = try await machine.traces().differences(from: before)
      #expect(left.isEmpty, "\(left.joined(separator: "; "))")
      #expect(entries(home).filter { !$0.hasPrefix(".") } == [])
    }
  }
}
