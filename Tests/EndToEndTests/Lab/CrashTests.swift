import Glibc
import KubeModel
import Primitives
import Testing

extension LabSuite {
  /// SIGKILL to single daemons: what they did goes on, they come back by themselves, and nothing acknowledged is lost.
  @Suite("Daemons that are killed", .serialized, .enabled(if: Client.kubectl && Client.etcdctl, "kubectl or etcdctl is not installed"))
  struct CrashTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private func leader() async throws -> String {
      let status: JSONValue = try JSONValue.parse(try await lab.etcdctl(TestLab.hosts, "endpoint", "status", "-w", "json").passed().output)
      let leader: JSONValue? = status.array.first { $0["Status"]["leader"] == $0["Status"]["header"]["member_id"] }
      let endpoint: String = try #require(leader?["Endpoint"].string)
      return try #require(TestLab.hosts.first { endpoint.contains("\(TestLab.address[$0] ?? ""):") })
    }

    private func healthy(_ host: String) async throws {
      let lab: TestLab = lab
      try await eventually("\(host) is healthy again", within: .seconds(90)) {
        try await lab.etcdctl([host], "--command-timeout=5s", "endpoint", "health").status == 0
      }
    }

    @Test("a store member, the leader's too, while clients write: nothing acknowledged is lost") func members() async throws {
      try await lab.home()
      let leader: String = try await leader()
      let writers = try Writers(lab, "crash")
      do {
        try await writers.progress(20)
        for host in [leader, leader == "ldr-1" ? "prod-1" : "ldr-1", leader == "rdr-1" ? "prod-2" : "rdr-1"] {
          let pid: pid_t = try #require(lab.daemon("center", host))
          #expect(kill(pid, SIGKILL) == 0)
          try await writers.progress(20)
          try await healthy(host)
          let again: pid_t = try #require(lab.daemon("center", host))
          #expect(again != pid, "\(host) runs the process that was killed")
        }
        // Both voters of one center at one instant: the others are still a majority.
        for pid in ["ldr-1", "ldr-2"].compactMap({ lab.daemon("center", $0) }) { kill(pid, SIGKILL) }
        try await writers.progress(20)
        try await healthy("ldr-1")
        try await healthy("ldr-2")
      } catch {
        writers.stop()
        throw error
      }
      let result = try await writers.end(lookingThrough: "ldr-1")
      print("writes while members were killed: \(result.acknowledged) acknowledged, \(result.failed) not, \(result.lost.count) lost")
      #expect(result.lost.isEmpty && result.acknowledged >= 100)
    }

    /// Every pod of the workload: its identity, its container, how often it was restarted.
    private func containers() async throws -> String {
      let path =
        "{range .items[*]}{.metadata.uid} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}"
      return try await lab.kubectl("-n shop get pods -l app=web -o", "jsonpath=\(path)").passed().text
    }

    @Test("a kubelet with its proxy, and a containerd: their pods and Services go on as if nothing had been") func nodes() async throws {
      try await lab.home()
      let before: String = try await containers()
      #expect(before.split(separator: "\n").count == 3)
      let lab: TestLab = lab
      let node: pid_t = try #require(lab.daemon("node", "prod-1"))
      let runtime: pid_t = try #require(lab.machine.pids("containerd --config", "/hosts/prod-2/").first)
      #expect(kill(node, SIGKILL) == 0 && kill(runtime, SIGKILL) == 0)
      for _ in 0..<10 {
        let said: Said = try await lab.machine.run(["curl", "-sS", "--max-time", "5", "http://10.71.0.11:30080/"], on: "branch")
        #expect(said.status == 0, "\(said)")
      }
      try await eventually("both run again") {
        guard let again = lab.daemon("node", "prod-1"), let other = lab.machine.pids("containerd --config", "/hosts/prod-2/").first else {
          return false
        }
        return again != node && other != runtime
      }
      // Both do new work.
      try await lab.kubectl("-n shop scale deployment web --replicas=6").passed()
      try await lab.kubectl("-n shop wait --for=jsonpath={.status.readyReplicas}=6 deployment/web --timeout=120s").passed()
      let after: String = try await containers()
      for line in before.split(separator: "\n") { #expect(after.contains(line), "\(line) is gone: \(after)") }
      try await lab.kubectl("-n shop scale deployment web --replicas=3").passed()
      try await lab.kubectl("-n shop wait --for=jsonpath={.status.replicas}=3 deployment/web --timeout=120s").passed()
    }

    @Test("the lab's own: a second `lab up` mends what died") func mending() async throws {
      let lab: TestLab = lab
      for pid in lab.machine.pids("lab relay") { kill(pid, SIGKILL) }
      for pid in lab.machine.pids("host-init", "--host ldr-2") where readFile("/proc/\(pid)/cmdline").hasPrefix(lab.program) {
        kill(pid, SIGKILL)
      }
      try await eventually("the relay is gone") { try await lab.kubectl("get --raw /version").status != 0 }
      try await lab.up().passed()
      let status: JSONValue = try await lab.status()
      #expect(status["hosts"].array.count == 5 && status["hosts"].array.allSatisfy { $0["power"].bool == true }, "\(status)")
      try await healthy("ldr-2")
    }
  }
}
