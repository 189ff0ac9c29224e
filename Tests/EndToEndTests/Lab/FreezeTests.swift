import Glibc
import KubeModel
import Primitives
import Processes
import Synchronization
import Testing

extension LabSuite {
  /// Every process of a center stopped at one instant (SIGSTOP): nobody of it can obey, and its pods' packets must stop all the same before
  /// another center is active. The pods' kernel would go on answering.
  @Suite("A center that is frozen", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct FreezeTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    private struct Place {
      var host: String
      var address: String
      var uid: String
    }

    private func pods() async throws -> [Place] {
      let list: JSONValue = try JSONValue.parse(try await lab.kubectl("-n shop get pods -l app=web -o json").passed().output)
      return list["items"].array.map {
        Place(
          host: $0["spec"]["nodeName"].string ?? "", address: $0["status"]["podIP"].string ?? "",
          uid: $0["metadata"]["uid"].string ?? "")
      }
    }

    /// Everything of these hosts, their first processes included.
    private func everything(of hosts: [String]) -> [pid_t] {
      let first: [pid_t] = hosts.flatMap { host in
        lab.machine.pids("host-init", "--host \(host)").filter { readFile("/proc/\($0)/cmdline").hasPrefix(lab.program) }
      }
      return first.flatMap { [$0] + descendants(of: $0) }
    }

    @Test("its exclusive pods' packets stop before local-dr is active: from the branch, from their host, from pod to pod") func frozen()
      async throws
    {
      try await lab.home()
      let web: [Place] = try await pods()
      let crowded: String = try #require(["prod-1", "prod-2"].first { host in web.count { $0.host == host } >= 2 })
      let (one, other) = (web.filter { $0.host == crowded }[0], web.filter { $0.host == crowded }[1])
      let inside: pid_t = try #require(
        lab.machine.processes().map(\.pid).first { readFile("/proc/\($0)/cgroup").contains(one.uid) }, "no process of the pod")
      let ping: [String] = ["busybox", "ping", "-c", "1", "-W", "1"]
      let lab: TestLab = lab
      let ways: [(name: String, ask: @Sendable () async throws -> Bool)] = [
        ("from the branch", { try await lab.machine.run(ping + [one.address], on: "branch").status == 0 }),
        ("from its host", { try await lab.machine.run(ping + [one.address], on: crowded).status == 0 }),
        (
          "from pod to pod",
          { try await Command.plain(["nsenter", "--net=/proc/\(inside)/ns/net"] + ping + [other.address]).status == 0 }
        ),
      ]
      for way in ways { #expect(try await way.ask(), "\(way.name), before") }
      let frozen: [pid_t] = everything(of: ["prod-1", "prod-2"])
      try #require(frozen.count > 10)
      for pid in frozen { kill(pid, SIGSTOP) }
      var after: Set<String> = []
      do {
        // At once nothing is fenced: the lease still lives, and the kernel answers for the stopped pods.
        #expect(try await ways[0].ask(), "the pod's kernel answers while the lease lives")
        try await eventually("local-dr is active", within: .seconds(60), every: .milliseconds(100)) {
          try await lab.kubectl(
            "-n tricenter-system get lease activation-bank -o jsonpath={.spec.holderIdentity}", center: "local-dr"
          ).text == "local-dr"
        }
        for way in ways where try await way.ask() { after.insert(way.name) }
      } catch {
        for pid in frozen { kill(pid, SIGCONT) }
        throw error
      }
      #expect(after.isEmpty, "local-dr is active, and packets still reach the frozen pods: \(after.sorted())")
      for pid in frozen { kill(pid, SIGCONT) }
      // It comes back clean: its daemons obey, and what they ran is gone.
      try await eventually("production is a ready standby", within: .seconds(90)) {
        let nodes: JSONValue = try JSONValue.parse(
          try await lab.kubectl("get nodes -l federation.tricenter.io/center=production -o json", center: "local-dr").passed().output)
        return nodes["items"].array.allSatisfy { node in
          node["spec"]["taints"].array.isEmpty
            && node["status"]["conditions"].array.contains { $0["type"] == "Ready" && $0["status"] == "True" }
        }
      }
      try await eventually("nothing of the frozen pods is left", within: .seconds(60)) {
        !lab.machine.processes().contains { process in web.contains { readFile("/proc/\(process.pid)/cgroup").contains($0.uid) } }
      }
      let now: [Place] = try await pods()
      #expect(now.allSatisfy { $0.host.hasPrefix("ldr-") } && now.count == 3)
      try await lab.home()
    }
  }
}
