import Glibc
import KubeModel
import Primitives
import Testing

extension TestLab {
  func inject(_ kind: String, _ target: String, _ parameters: String..., lease: String = "60s") async throws -> String {
    let sets: [String] = parameters.flatMap { ["--set", $0] }
    let said: Said = try await machine.run(
      [program, "lab", "fault", "inject", kind, target, "--directory", directory, "--lease", lease, "--output", "json"] + sets)
    let handle: JSONValue = try JSONValue.parse(try said.passed().output)
    return try #require(handle["id"].string)
  }
  func undo(_ id: String) async throws -> Said { try await machine.run([program, "lab", "fault", "undo", id, "--directory", directory]) }
  func faults() async throws -> [JSONValue] {
    let said: Said = try await machine.run([program, "lab", "fault", "list", "--directory", directory, "--output", "json"])
    return try JSONValue.parse(try said.passed().output).array
  }
}

/// The letter of a process' state: R, S, D, T, …; empty if it is gone.
func processState(_ pid: pid_t) -> String {
  let line: String = readFile("/proc/\(pid)/stat")
  return line.lastIndex(of: ")").map { String(line[$0...].dropFirst(2).prefix(1)) } ?? ""
}

extension LabSuite {
  /// `tricenter lab fault …`: what each fault does, seen from outside, and that it undoes itself.
  @Suite("Faults with a lease", .serialized, .enabled(if: Client.etcdctl && Client.kubectl, "kubectl or etcdctl is not installed"))
  struct FaultTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private func serves(_ host: String) async throws -> Bool {
      try await lab.etcdctl([host], "--dial-timeout=1s", "--command-timeout=2s", "endpoint", "health").status == 0
    }
    private func waitUntilServing(_ host: String) async throws {
      let tests = self
      try await eventually("\(host) serves", within: .seconds(90)) { try await tests.serves(host) }
    }
    /// Injects, runs `body`, and undoes whatever `body` says.
    private func during(
      _ kind: String, _ target: String, _ parameters: String..., lease: String = "60s", _ body: () async throws -> Void
    ) async throws {
      let words: [String] = parameters.flatMap { ["--set", $0] }
      let said: Said = try await lab.machine.run(
        [lab.program, "lab", "fault", "inject", kind, target, "--directory", lab.directory, "--lease", lease, "--output", "json"] + words)
      let id: String = try #require(try JSONValue.parse(try said.passed().output)["id"].string)
      do { try await body() } catch { Issue.record(error) }
      try await lab.undo(id).passed()
    }
    private func nobodyIsLeft() async throws {
      let lab: TestLab = lab
      try await eventually("no fault is left") { try await lab.faults().isEmpty }
    }

    @Test("a line that is cut one way is whole again when nobody renews it") func cutLink() async throws {
      let (production, remote) = (lab.machine.network("prod-1"), lab.machine.network("rdr-1"))
      @Sendable func passes() async throws -> Bool {
        try await onAThread {
          let there: RawSocket = try .listen(remote, .datagram, port: 9_921)
          try RawSocket.datagrams(production).send(Bytes("x".utf8), to: TestLab.address["rdr-1"] ?? "", 9_921)
          return there.receive(within: .milliseconds(500)) != nil
        }
      }
      #expect(try await passes())
      let began = ContinuousClock.now
      _ = try await lab.inject("cut-link", "production -> remote-dr", lease: "4s")
      #expect(try await passes() == false)
      #expect(try await lab.faults().first?["kind"].string == "cut-link")
      // Nobody is left who could mend it but the wide-area element itself.
      for pid in lab.machine.pids("lab fault-keeper") { kill(pid, SIGKILL) }
      try await eventually("the line is whole", every: .milliseconds(50)) { try await passes() }
      #expect(ContinuousClock.now - began >= .seconds(4))
      try await nobodyIsLeft()
    }

    @Test("a line gets worse, and the API of the other end slower than the rest") func degradeAndLatency() async throws {
      let (branch, address) = (lab.machine.network("branch"), TestLab.address["rdr-1"] ?? "")
      func connecting(_ port: Int) async throws -> Double {
        var times: [Double] = []
        for _ in 0..<5 {
          times.append(try #require(try await onAThread { try RawSocket.connect(branch, to: address, port) }).took.milliseconds)
        }
        return times.sorted()[2]
      }
      try await during("degrade-link", "branch <-> remote-dr", "delay=60ms") {
        let slow: Double = try await connecting(2379)
        #expect(slow >= 150 && slow < 400, "\(slow) ms for 30 + 2 * 60")
      }
      try await during("api-latency", "branch <-> remote-dr", "delay=150ms") {
        let (api, store) = (try await connecting(6443), try await connecting(2379))
        #expect(api >= 330 && store < 150, "API \(api) ms, store \(store) ms")
      }
      #expect(try await connecting(6443) < 150)
      try await nobodyIsLeft()
    }

    @Test("a daemon that is killed stays dead as long as the fault is renewed, and no longer") func killProcess() async throws {
      let lab: TestLab = lab
      let id: String = try await lab.inject("kill-process", "rdr-1", "daemon=center", lease: "3s")
      for _ in 0..<4 {
        try await Task.sleep(for: .seconds(1))
        #expect(lab.daemon("center", "rdr-1") == nil)
        try await lab.machine.run([lab.program, "lab", "fault", "renew", id, "--directory", lab.directory]).passed()
      }
      try await eventually("it is started again") { lab.daemon("center", "rdr-1") != nil }
      try await waitUntilServing("rdr-1")
      let late: Said = try await lab.machine.run([lab.program, "lab", "fault", "renew", id, "--directory", lab.directory])
      #expect(late.status != 0 && late.errors.contains("No fault \(id) is in force"), "\(late)")
    }

    @Test("a daemon that stands still goes on by itself, also when the keeper is killed") func freezeProcess() async throws {
      let lab: TestLab = lab
      let pid: pid_t = try #require(lab.daemon("center", "rdr-1"))
      _ = try await lab.inject("freeze-process", "rdr-1", "daemon=center", lease: "4s")
      #expect(processState(pid) == "T")
      #expect(try await serves("rdr-1") == false)
      for keeper in lab.machine.pids("lab fault-keeper", "--inner") { kill(keeper, SIGKILL) }
      try await eventually("it goes on") { processState(pid) != "T" }
      try await waitUntilServing("rdr-1")
      try await nobodyIsLeft()
    }

    @Test("a host that stands still is silent as a whole and comes back") func freezeHost() async throws {
      let lab: TestLab = lab
      let pids: [pid_t] = try [#require(lab.daemon("center", "rdr-1")), #require(lab.daemon("node", "rdr-1"))]
      try await during("freeze-host", "remote-dr") {
        #expect(pids.allSatisfy { processState($0) == "T" })
        let isServing: Bool = try await serves("rdr-1")
        #expect(!isServing)
      }
      #expect(pids.allSatisfy { processState($0) != "T" })
      try await waitUntilServing("rdr-1")
    }

    @Test("power that fails comes back by itself, and a center may lack a host") func power() async throws {
      let lab: TestLab = lab
      @Sendable func isOn(_ host: String) async throws -> Bool {
        try await lab.status()["hosts"].array.first { $0["host"].string == host }?["power"].bool == true
      }
      _ = try await lab.inject("power-off", "rdr-1", lease: "3s")
      #expect(try await isOn("rdr-1") == false)
      try await during("capacity-short", "local-dr") {
        let (first, second) = (try await isOn("ldr-1"), try await isOn("ldr-2"))
        #expect(first && !second)
      }
      #expect(try await isOn("ldr-2"))
      try await eventually("rdr-1 has power again") { try await isOn("rdr-1") }
      for host in ["rdr-1", "ldr-2"] { try await waitUntilServing(host) }
      try await nobodyIsLeft()
    }

    @Test("names are not answered, and the kernel ends that", .enabled(if: Client.dig, "dig is not installed")) func dnsSilent()
      async throws
    {
      let words: [String] = ["dig", "+time=1", "+tries=1", "@10.73.0.11", "kubernetes.default.svc.cluster.local"]
      let lab: TestLab = lab
      try await eventually("names are answered") { try await lab.machine.run(words, on: "branch").status == 0 }
      _ = try await lab.inject("dns-silent", "rdr-1", lease: "5s")
      #expect(try await lab.machine.run(words, on: "branch").status != 0)
      for pid in lab.machine.pids("lab fault-keeper") { kill(pid, SIGKILL) }
      try await eventually("names are answered again", within: .seconds(30)) { try await lab.machine.run(words, on: "branch").status == 0 }
      // The next command starts a keeper, which takes away what is left.
      try await lab.undo(try await lab.inject("dns-silent", "rdr-1")).passed()
      try await eventually("no table is left") {
        try await !lab.machine.run(["nft", "list", "tables"], on: "rdr-1").passed().output.contains("dns-silent")
      }
    }

    @Test("a daemon runs with clocks of another year, and with the machine's again") func clockJump() async throws {
      let lab: TestLab = lab
      @Sendable func clock(_ pid: pid_t?) -> String { pid.map { readFile("/proc/\($0)/timens_offsets") } ?? "" }
      let before: pid_t = try #require(lab.daemon("center", "rdr-1"))
      try await during("clock-jump", "rdr-1", "daemon=center", "seconds=31536000") {
        try await eventually("it runs with other clocks") {
          guard let pid: pid_t = lab.daemon("center", "rdr-1"), pid != before else { return false }
          return clock(pid).contains("31536000")
        }
        try await waitUntilServing("rdr-1")
      }
      try await eventually("it runs with the machine's clocks") {
        guard let pid: pid_t = lab.daemon("center", "rdr-1") else { return false }
        return !clock(pid).contains("31536000")
      }
      try await waitUntilServing("rdr-1")
    }

    @Test("a certificate has run out, and is good again", .enabled(if: Client.openssl, "openssl is not installed")) func certificate()
      async throws
    {
      let lab: TestLab = lab
      let words: [String] = [
        "openssl", "s_client", "-connect", "10.73.0.11:2379", "-CAfile", "\(lab.pki)/ca.pem", "-cert", "\(lab.pki)/people/admin.pem",
        "-key", "\(lab.pki)/people/admin.key", "-verify_return_error",
      ]
      @Sendable func said() async throws -> String { try await lab.machine.run(words, on: "branch", timeout: .seconds(20)).everything }
      #expect(try await said().contains("Verify return code: 0 (ok)"))
      try await during("certificate-expired", "rdr-1", "daemon=store") {
        try await eventually("the certificate has run out") { try await said().contains("certificate has expired") }
      }
      try await eventually("the certificate is good") { try await said().contains("Verify return code: 0 (ok)") }
      try await waitUntilServing("rdr-1")
    }

    @Test("a node is not ready while its kubelet stands still") func nodeNotReady() async throws {
      let lab: TestLab = lab
      @Sendable func isReady() async throws -> Bool {
        let path = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}"
        return try await lab.kubectl("get node ldr-2 -o", path).passed().text == "True"
      }
      try await during("node-not-ready", "ldr-2", lease: "120s") {
        try await eventually("it is not ready", within: .seconds(100)) { try await !isReady() }
      }
      try await eventually("it is ready again") { try await isReady() }
    }

    @Test("a host lacks an image, and has it back") func image() async throws {
      let lab: TestLab = lab
      let first: pid_t = try #require(
        lab.machine.pids("lab host-init", "--host ldr-1").first { readFile("/proc/\($0)/cmdline").contains("host-init") })
      func images() async throws -> String {
        // The host's first process is the one whose mounts hold containerd's socket.
        try await lab.machine.run([
          "nsenter", "--target", "\(try inside(first))", "--mount", "ctr", "-n", "k8s.io", "images", "ls", "-q",
        ]).passed().output
      }
      #expect(try await images().contains("tricenter.local/web:1"))
      try await during("image-missing", "ldr-1", "image=tricenter.local/web:1") {
        let present: String = try await images()
        #expect(!present.contains("tricenter.local/web:1"))
      }
      #expect(try await images().contains("tricenter.local/web:1"))
    }

    /// The machine's own number of the process that the host numbers differently: its containerd, found by the machine's /proc.
    private func inside(_ first: pid_t) throws -> String {
      let line: Substring? = readFile("/proc/\(first)/status").split(separator: "\n").first { $0.hasPrefix("NSpid:") }
      let numbers: [Substring] = line?.split(whereSeparator: { $0 == "\t" || $0 == " " }) ?? []
      return String(try #require(numbers.dropFirst(2).first))
    }

    @Test("what cannot be done is refused by name, and nothing is left of it") func refusals() async throws {
      for (words, sentence) in [
        (["no-such", "rdr-1"], "No fault is called no-such"), (["power-off", "mars"], "neither a center, nor hosts"),
        (["cut-link", "production"], "is done to a line"), (["kill-process", "rdr-1"], "kill-process needs daemon"),
        (["full-disk", "rdr-1"], "lab up --own-disks"), (["image-missing", "rdr-1", "--set", "image=busybox"], "can give back"),
        (["clock-jump", "rdr-1", "--set", "daemon=center", "--set", "seconds=-99999999999"], "cannot show less than 0"),
        (["certificate-expired", "rdr-1", "--set", "daemon=cron"], "have certificates"),
      ] {
        let said: Said = try await lab.machine.run([lab.program, "lab", "fault", "inject", "--directory", lab.directory] + words)
        #expect(said.status != 0 && said.everything.contains(sentence), "\(said)")
      }
      #expect(try await lab.faults().isEmpty)
    }
  }
}
