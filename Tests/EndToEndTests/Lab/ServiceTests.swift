import Glibc
import KubeModel
import Primitives
import Processes
import Testing

extension LabSuite {
  /// Packets: ClusterIP from a pod, NodePort from the branch, pods to each other.
  @Suite("Services and pods on the network", .serialized, .enabled(if: Client.kubectl, "kubectl is not installed")) struct ServiceTests {
    let lab: TestLab
    init() throws { lab = try LabSuite.lab() }

    struct Pod: Sendable {
      var name: String
      var uid: String
      var host: String
      var address: String
      var container: String
    }

    private func pods(_ namespace: String, _ selector: String) async throws -> [Pod] {
      let list: JSONValue = try JSONValue.parse(try await lab.kubectl("-n \(namespace) get pods -l \(selector) -o json").passed().output)
      return list["items"].array.map { pod in
        Pod(
          name: pod["metadata"]["name"].string ?? "", uid: pod["metadata"]["uid"].string ?? "", host: pod["spec"]["nodeName"].string ?? "",
          address: pod["status"]["podIP"].string ?? "",
          container: pod["status"]["containerStatuses"][0]["containerID"].string?.replacing("containerd://", with: "") ?? "")
      }
    }

    /// A command in a pod's container, as the host's containerd runs it.
    private func exec(_ pod: Pod, _ words: String...) async throws -> Said {
      let initial: String = "--host \(pod.host)"
      let outer: pid_t = try #require(
        lab.machine.pids("host-init", initial).first { pid in
          readFile("/proc/\(pid)/cmdline").hasPrefix(lab.program)
        })
      let entry: [String] = ["nsenter", "--target", "\(outer)", "--mount", "--net", "--pid", "ctr", "-n", "k8s.io", "tasks", "exec"]
      let outcome = try await Command.plain(entry + ["--exec-id", "e\(UInt32.random(in: 0...UInt32.max))", pod.container] + words)
      return Said(words, outcome)
    }

    /// The network that a pod lives in, through any process of it.
    private func network(_ pod: Pod) throws -> String {
      let inside: pid_t? = lab.machine.processes().map(\.pid).first { readFile("/proc/\($0)/cgroup").contains(pod.uid) }
      return "/proc/\(try #require(inside, "no process of pod \(pod.name)"))/ns/net"
    }

    @Test("a ClusterIP and its name answer from inside a pod, and spread over the pods") func clusterIP() async throws {
      try await lab.home()
      let web: [Pod] = try await pods("shop", "app=web")
      let address: String = try await lab.kubectl("-n shop get service web -o jsonpath={.spec.clusterIP}").passed().text
      for pod in web {
        let byName: Said = try await exec(pod, "wget", "-q", "-O", "-", "http://web.shop/")
        #expect(byName.status == 0 && byName.output.contains("\"center\":\"production\""), "\(byName)")
      }
      var answered: Set<String> = []
      for _ in 0..<20 where answered.count < 3 {
        let said: Said = try await exec(web[0], "wget", "-q", "-O", "-", "http://\(address):80/").passed()
        answered.formUnion(web.map(\.name).filter { said.output.contains($0) })
      }
      #expect(answered.count == 3)
      let environment: Said = try await exec(web[1], "env")
      #expect(environment.output.contains("WEB_SERVICE_HOST=\(address)") || environment.output.contains("KUBERNETES_SERVICE_HOST="))
    }

    @Test(
      "a NodePort answers on every host of the active center, to clients on the branch", .enabled(if: Client.curl, "curl is not installed"))
    func nodePort() async throws {
      try await lab.home()
      let web: [Pod] = try await pods("shop", "app=web")
      for host in ["prod-1", "prod-2"] {
        var answered: Set<String> = []
        for _ in 0..<20 where answered.count < 3 {
          let said: Said = try await lab.machine.run(
            ["curl", "-sS", "--max-time", "10", "http://\(TestLab.address[host] ?? ""):30080/"], on: "branch"
          ).passed()
          #expect(said.output.contains("\"center\":\"production\""))
          answered.formUnion(web.map(\.name).filter { said.output.contains($0) })
        }
        #expect(answered.count == 3, "\(host) leads to \(answered)")
      }
    }

    @Test("session affinity keeps a client with one pod") func affinity() async throws {
      try await lab.home()
      let service = """
        {apiVersion: v1, kind: Service, metadata: {name: sticky, namespace: shop}, spec: {selector: {app: web}, sessionAffinity: ClientIP,
          ports: [{port: 80, targetPort: 8080}]}}
        """
      try await lab.kubectl("apply -f -", input: service).passed()
      let web: [Pod] = try await pods("shop", "app=web")
      let lab: TestLab = lab
      let address: String = try await lab.kubectl("-n shop get service sticky -o jsonpath={.spec.clusterIP}").passed().text
      let first: Pod = web[0]
      try await eventually("the Service answers") {
        try await exec(first, "wget", "-q", "-O", "-", "http://\(address)/").status == 0
      }
      var answers: Set<String> = []
      for _ in 0..<8 { answers.insert(try await exec(web[0], "wget", "-q", "-O", "-", "http://\(address)/").passed().output) }
      #expect(answers.count == 1)
      try await lab.kubectl("-n shop delete service sticky").passed()
      try await eventually("its rules are gone") {
        try await lab.machine.run(["nft", "list", "ruleset"], on: "prod-1").passed().output.contains(address) == false
      }
    }

    @Test("pods of two hosts, and of two centers, see each other's own addresses") func withoutTranslation() async throws {
      try await lab.home()
      // A pod in a standby center: bound there by hand, of the tier that needs no activation.
      let hot = """
        {apiVersion: v1, kind: Pod, metadata: {name: hot, namespace: shop, labels: {tier: hot}, annotations: {federation.tricenter.io/tier: hot}},
          spec: {nodeName: ldr-2, terminationGracePeriodSeconds: 1, tolerations: [{operator: Exists}],
            containers: [{name: web, image: "tricenter.local/web:1"}]}}
        """
      try await lab.kubectl("apply -f -", input: hot).passed()
      try await lab.kubectl("-n shop wait --for=condition=Ready pod/hot --timeout=90s").passed()
      let web: [Pod] = try await pods("shop", "app=web")
      let near: Pod = try #require(web.first { $0.host == "prod-1" })
      let other: Pod = try #require(web.first { $0.host == "prod-2" })
      let far: Pod = try #require(try await pods("shop", "tier=hot").first)
      for (from, to) in [(near, other), (other, near), (near, far), (far, other)] {
        let (source, target) = (try network(from), try network(to))
        let seen: String = try await onAThread {
          let server: RawSocket = try .listen(target, .stream, port: 9_921)
          let client = try RawSocket.connect(source, to: to.address, 9_921)
          let accepted = server.accept()
          return client == nil ? "no connection" : accepted?.from ?? "nobody"
        }
        #expect(seen == from.address, "\(to.name) on \(to.host) sees \(from.name) on \(from.host) as \(seen)")
      }
      try await lab.kubectl("-n shop delete pod hot --wait=true").passed()
    }
  }
}
