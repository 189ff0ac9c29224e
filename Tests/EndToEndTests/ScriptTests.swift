import Glibc
import KubeModel
import Primitives
import Processes
import Testing

/// The scripts of `sites/lab` and `Tests/run`, in a checkout of the tests' own whose `swift` builds nothing: the executable is the one
/// under test.
struct ScriptCheckout: Sendable {
  let folder: String
  var path: String { "\(folder)/checkout" }
  var lab: String { "\(path)/.lab" }
  private var program: String { "\(path)/.build/release/tricenter" }

  init(in folder: String) async throws {
    self.folder = folder
    let (path, bin): (String, String) = ("\(folder)/checkout", "\(folder)/bin")
    for made in [path, "\(path)/Tests", "\(path)/.build", "\(path)/.build/release", bin] { mkdir(made, 0o755) }
    try await Command("cp", "-r", "\(Program.checkout)/sites", "\(Program.checkout)/runbooks", path).run()
    try await Command("cp", "\(Program.checkout)/Tests/run", "\(path)/Tests/run").run()
    symlink(Program.path, program)
    try writeFile(
      "#!/bin/sh\necho \"swift $*\" >> \"\(folder)/swift-calls\"\necho \"the fake swift was called with $*\"\n", to: "\(bin)/swift",
      mode: 0o755)
  }

  /// What `swift` was called with, one call a line.
  var calls: [String] { readFile("\(folder)/swift-calls").split(separator: "\n").map(String.init) }

  func breakProgram() throws {
    unlink(program)
    try writeFile("#!/bin/sh\nexit 3\n", to: program, mode: 0o755)
  }

  /// The environment in which the scripts find that `swift`.
  var environment: [String: String] {
    ["PATH": "\(folder)/bin:\(ProcessEnvironment.current["PATH"] ?? "/usr/bin:/bin"):/usr/sbin:/sbin", "HOME": folder]
  }
}

@Suite("Scripts", .serialized) struct ScriptTests {
  private func withFolder(_ body: (ScriptCheckout) async throws -> Void) async throws {
    let folder: String = try temporaryFolder()
    do { try await body(try await ScriptCheckout(in: folder)) } catch { Issue.record(error) }
    try await Command("rm", "-rf", folder).run()
  }

  private func run(_ checkout: ScriptCheckout, _ words: String...) async throws -> Said {
    var command = Command(["\(checkout.path)/\(words[0])"] + words.dropFirst(), timeout: .seconds(60))
    command.environment = checkout.environment
    return Said(words, try await command.outcome())
  }

  @Test("say what to do when there is no lab, and what they were not told") func withoutALab() async throws {
    try await withFolder { checkout in
      let status: Said = try await run(checkout, "sites/lab/status")
      #expect(status.status == 1 && status.errors.contains("sites/lab/up makes one"), "\(status)")
      let nobody: Said = try await run(checkout, "sites/lab/shell")
      #expect(nobody.status == 1 && nobody.errors.contains("branch ldr-1 ldr-2 prod-1 prod-2 rdr-1"), "\(nobody)")
      let unknown: Said = try await run(checkout, "sites/lab/shell", "mars-1")
      #expect(unknown.status == 1 && unknown.errors.contains("no host called mars-1"), "\(unknown)")
      let drill: Said = try await run(checkout, "sites/lab/drill")
      #expect(drill.status == 1 && drill.errors.contains("runbooks/production-loss.yaml"), "\(drill)")
      let missing: Said = try await run(checkout, "sites/lab/drill", "runbooks/none.yaml")
      #expect(missing.status == 1 && missing.errors.contains("runbooks/none.yaml cannot be read"), "\(missing)")
    }
  }

  @Test("Tests/run hands its options on, tells which clients are missing, and fails when the tests fail") func testsRun() async throws {
    try await withFolder { checkout in
      let all: Said = try await run(checkout, "Tests/run", "--filter", "Consensus", "--", "--xunit-output", "x")
      #expect(all.status == 0, "\(all)")
      #expect(checkout.calls.first?.hasPrefix("swift build --build-tests") == true, "\(checkout.calls)")
      let called: String = checkout.calls.last ?? ""
      #expect(called.hasPrefix("swift test --skip-build") && called.hasSuffix("--filter Consensus --xunit-output x"), "\(called)")
      #expect(all.output.contains("Tests/run took"))
      #expect(Client.kubectl != all.errors.contains("kubectl"), "\(all)")
      let unknown: Said = try await run(checkout, "Tests/run", "--everything")
      #expect(unknown.status == 1 && unknown.errors.contains("does not know --everything"), "\(unknown)")

      let drills: Said = try await run(checkout, "Tests/run", "--drills")
      #expect(drills.status == 0 && checkout.calls.contains { $0.contains("-c release --product tricenter") }, "\(checkout.calls)")
      #expect(checkout.calls.last?.contains("--filter LongTests") == true, "\(checkout.calls)")

      try writeFile(
        "#!/bin/sh\ncase $1 in test) echo 'Test run with 1 test failed'; exit 7 ;; esac\n", to: "\(checkout.folder)/bin/swift", mode: 0o755)
      let failed: Said = try await run(checkout, "Tests/run")
      #expect(failed.status == 7 && trimmed(failed.output).hasSuffix("Test run with 1 test failed"), "\(failed)")
      try writeFile("#!/bin/sh\necho 'error: no such module'; exit 1\n", to: "\(checkout.folder)/bin/swift", mode: 0o755)
      let unbuilt: Said = try await run(checkout, "Tests/run")
      #expect(
        unbuilt.status == 1 && unbuilt.errors.contains("error: no such module") && unbuilt.errors.contains("The build failed"), "\(unbuilt)"
      )
    }
  }

  @Test(
    "Tests/run is for ordinary users too",
    .enabled(if: geteuid() == 0 && findProgram("setpriv") != nil, "needs root, to become somebody else"))
  func asAnOrdinaryUser() async throws {
    try await withFolder { checkout in
      try await Command("chown", "-R", "65534:65534", checkout.folder).run()
      var command = Command([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "\(checkout.path)/Tests/run", "--filter", "Site",
      ])
      command.environment = checkout.environment
      let said = Said(command.arguments, try await command.outcome())
      #expect(said.status == 0 && checkout.calls.last?.hasSuffix("--filter Site") == true, "\(said)")
      #expect(said.errors.contains("Not root: the tests that need namespaces and containers skip themselves."), "\(said)")
    }
  }

  @Test("are clean for shellcheck", .enabled(if: findProgram("shellcheck") != nil, "shellcheck is not installed")) func shellcheck()
    async throws
  {
    // What common.sh defines is not followed into: its path is made when the script runs.
    let scripts: [String] = ["up", "down", "status", "shell", "drill", "install", "build"].map { "\(Program.checkout)/sites/lab/\($0)" }
    let said: Said = Said(
      ["shellcheck"],
      try await Command.plain(["shellcheck", "-S", "warning", "-e", "SC1091,SC2154"] + scripts + ["\(Program.checkout)/Tests/run"]))
    #expect(said.status == 0, "\(said)")
  }

  @Test(
    "bring a lab up, show it, lead into its hosts, and take it down with or without an executable",
    .enabled(if: Machine.obstacle == nil, Comment(rawValue: Machine.obstacle ?? "")))
  func wholeLab() async throws {
    try await Machine.run { machine in
      let before: Traces = try await machine.traces()
      let checkout = try await ScriptCheckout(in: machine.folder)
      func script(_ words: String..., timeout: Duration = .seconds(250)) async throws -> Said {
        try await machine.run(
          ["\(checkout.path)/\(words[0])"] + words.dropFirst(), environment: checkout.environment, timeout: timeout)
      }
      let up: Said = try await script("sites/lab/up", "--timeout", "200").passed()
      #expect(up.errors.contains("export KUBECONFIG=\(checkout.lab)/kubeconfig"), "\(up)")
      let status: Said = try await script("sites/lab/status").passed()
      #expect(status.output.contains("production (production, east)  ACTIVE") && status.output.components(of: "power on") == 5, "\(status)")
      let processes: Said = try await script("sites/lab/shell", "prod-1", "ps", "ax").passed()
      #expect(processes.output.contains("containerd") && processes.output.contains("lab host-init"), "\(processes)")
      #expect(!processes.output.contains("--host prod-2"), "prod-1 sees processes of prod-2")
      let address: Said = try await script("sites/lab/shell", "branch", "ip", "-br", "address").passed()
      #expect(address.output.contains("10.79.0.11/24"), "\(address)")
      let images: Said = try await script("sites/lab/shell", "ldr-2", "ctr", "-n", "k8s.io", "images", "ls", "-q").passed()
      #expect(images.output.contains("tricenter.local/web:1"), "\(images)")

      try await script("sites/lab/down").passed()
      var left: [String] = try await machine.traces().differences(from: before)
      #expect(left.isEmpty, "after sites/lab/down: \(left.joined(separator: "; "))")
      let twice: Said = try await script("sites/lab/down").passed()
      #expect(twice.errors.contains("the lab is down"))

      // The executable is broken, or was cleaned away: the script does all of it.
      let half: Background = try machine.start(["\(checkout.path)/sites/lab/up"], environment: checkout.environment, log: "half")
      try await eventually("the lab is half up") { half.text.contains("images:") || half.text.contains("waiting for") }
      for pid in descendants(of: half.pid) where readFile("/proc/\(pid)/cmdline").contains("lab\0up") { kill(pid, SIGKILL) }
      _ = try await half.wait()
      try checkout.breakProgram()
      let alone: Said = try await script("sites/lab/down").passed()
      left = try await machine.traces().differences(from: before)
      #expect(left.isEmpty, "after sites/lab/down without an executable: \(left.joined(separator: "; ")); it said \(alone.errors)")
      #expect(mode(checkout.lab) == nil)
    }
  }
}
