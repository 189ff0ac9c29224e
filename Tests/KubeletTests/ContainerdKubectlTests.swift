import Glibc
import HTTP
import HTTPTypes
import KubeClient
import KubeModel
import PodNetwork
import Primitives
import Processes
import TLS
import TestSupport
import Testing

@testable import Kubelet

extension ContainerdSuites {
  @Suite("A stock kubectl and containers", .enabled(if: KubectlHost.program != nil, "no kubectl in PATH"))
  struct KubectlTests {
    /// Our end of the link to the host's namespace: reached by both apiserver and kubectl.
    private static let address = "10.251.7.1"
    private static let port: Int = 10_250

    @Test("logs, exec, cp, attach, port-forward, by WebSocket and by SPDY", .timeLimit(.minutes(3)))
    func kubectl() async throws {
      let host = try await ContainerdHost()
      do {
        let front = try await KubectlHost(folder: "\(host.folder)/kubectl", address: Self.address)
        do { try await use(host, front) } catch { Issue.record("\(error)") }
        await front.end()
      } catch { Issue.record("\(error)") }
      let left: [String] = await host.tearDown()
      #expect(left.isEmpty)
    }

    private func use(_ host: ContainerdHost, _ front: KubectlHost) async throws {
      let cluster: TestCluster = front.cluster
      try await PodNetwork(client: cluster.node, configuration: host.podNetwork).prepare()
      var settings: KubeletConfiguration = host.settings
      settings.address = Self.address
      settings.kubeletPort = Self.port
      let kubelet = try Kubelet(client: cluster.node, configuration: settings)
      let server: HTTPServer = try await front.serve(kubelet, Self.address, Self.port)
      try await cluster.withKubelet(kubelet) {
        try await create(cluster)
        try await logs(front)
        for spdy in [false, true] { try await exec(front, spdy: spdy) }
        try await copy(front)
        try await attach(front)
        for spdy in [false, true] { try await forward(front, spdy: spdy) }
        try await onlyTheApiserver(front)
        for name in ["web", "teller", "reader"] {
          try await cluster.admin.delete(.pods, namespace: "shop", name: name, options: DeleteOptions(gracePeriodSeconds: 1))
        }
        for name in ["web", "teller", "reader"] { try await cluster.pod(name, "gone") { $0 == nil } }
      }
      await server.shutdown()
    }

    private func create(_ cluster: TestCluster) async throws {
      _ = try await cluster.admin.create(.pods, TestCluster.pod("web"))
      _ = try await cluster.admin.create(
        .pods,
        TestCluster.pod("teller") { pod in
          pod["spec"]["restartPolicy"] = "Never"
          pod["spec"]["containers"][0]["command"] = [
            "/bin/sh", "-c", "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done; echo broken >&2; exit 3",
          ]
          pod["spec"]["containers"][0]["readinessProbe"] = .null
        })
      _ = try await cluster.admin.create(
        .pods,
        TestCluster.pod("reader") { pod in
          pod["spec"]["restartPolicy"] = "Never"
          pod["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", "echo ready; while read line; do echo got $line; done"]
          pod["spec"]["containers"][0]["stdin"] = true
          pod["spec"]["containers"][0]["stdinOnce"] = true
          pod["spec"]["containers"][0]["readinessProbe"] = .null
        })
      try await cluster.pod("teller", "started") {
        $0?.status["containerStatuses"][0]["state"]["waiting"].object == nil
          && $0?.status["containerStatuses"][0]["state"].object?.isEmpty == false
      }
    }

    private func logs(_ front: KubectlHost) async throws {
      // Followed to its end, while it speaks.
      let whole: String = "line 1\nline 2\nline 3\nline 4\nline 5\nbroken\n"
      #expect(try await front.kubectl(["logs", "-f", "teller"]).output == whole)
      #expect(try await front.kubectl(["logs", "teller"]).output == whole)
      #expect(try await front.kubectl(["logs", "teller", "--tail=2"]).output == "line 5\nbroken\n")
      #expect(try await front.kubectl(["logs", "teller", "--tail=0"]).output == "")
      #expect(try await front.kubectl(["logs", "teller", "--limit-bytes=9"]).output == "line 1\nli")
      #expect(try await front.kubectl(["logs", "teller", "--since=1h"]).output == whole)
      #expect(try await front.kubectl(["logs", "teller", "--since-time=2099-01-01T00:00:00Z"]).output == "")
      let stamped: String = try await front.kubectl(["logs", "teller", "--tail=1", "--timestamps"]).output
      #expect(stamped.hasPrefix("20") && stamped.hasSuffix("Z broken\n"), "\(stamped)")
      let before = try await front.kubectl(["logs", "teller", "--previous"])
      #expect(before.status == 1 && before.errors.contains("previous terminated container \"web\" in pod \"teller\" not found"))
      #expect(try await front.kubectl(["logs", "teller", "-c", "other"]).errors.contains("container other is not valid for pod teller"))
      #expect(try await front.kubectl(["logs", "nobody"]).errors.contains("pods \"nobody\" not found"))
    }

    private func exec(_ front: KubectlHost, spdy: Bool) async throws {
      try await front.cluster.pod("web", "ready", TestCluster.isReady)
      let told = try await front.kubectl(["exec", "web", "--", "/bin/echo", "a b", "c&d=%"], spdy: spdy)
      #expect(told.output == "a b c&d=%\n", "\(told.errors)")
      let both = try await front.kubectl(["exec", "web", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7"], spdy: spdy)
      #expect(both.status == 7)
      #expect(both.output == "out\n")
      #expect(both.errors.hasPrefix("err\n"))
      // 1 MiB there and back: what the client sends has an end, and the command sees it.
      let much = String(repeating: "0123456789abcdef", count: 65_536)
      let echoed = try await front.kubectl(["exec", "-i", "web", "--", "/bin/cat"], input: much, spdy: spdy)
      #expect(echoed.output == much, "\(echoed.output.utf8.count) bytes: \(echoed.errors)")
      let none = try await front.kubectl(["exec", "web", "--", "/bin/nothing"], spdy: spdy)
      #expect(none.status != 0 && none.errors.contains("no such file or directory"), "\(none.errors)")
      let ended = try await front.kubectl(["exec", "teller", "--", "/bin/true"], spdy: spdy)
      #expect(ended.status == 1 && ended.errors.contains("completed pod"), "\(ended.errors)")
    }

    private func copy(_ front: KubectlHost) async throws {
      let content = String(repeating: "content ", count: 50_000)
      try Files.write(Bytes(content), to: "\(front.folder)/there", mode: 0o644)
      let there = try await front.kubectl(["cp", "\(front.folder)/there", "web:/tmp/there"])
      #expect(there.status == 0, "\(there.errors)")
      let back = try await front.kubectl(["cp", "web:/tmp/there", "\(front.folder)/back"])
      #expect(back.status == 0, "\(back.errors)")
      #expect(Files.read("\(front.folder)/back", limit: 1 << 20)?.text == content)
    }

    private func attach(_ front: KubectlHost) async throws {
      try await front.cluster.pod("reader", "running") { $0?.status["phase"].string == "Running" }
      let heard = try await front.kubectl(["attach", "-i", "reader"], input: "one\ntwo\n")
      #expect(heard.output.contains("got one\ngot two\n"), "\(heard.output) \(heard.errors)")
      // Its input ended, and so did it.
      try await front.cluster.pod("reader", "ended") { $0?.status["phase"].string == "Succeeded" }
    }

    private func forward(_ front: KubectlHost, spdy: Bool) async throws {
      let local: Int = spdy ? 18_081 : 18_080
      let log: String = "\(front.folder)/forward-\(local).log"
      var environment: [String: String] = front.environment
      if spdy { environment["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false" }
      let child: pid_t = try startDetached(
        [KubectlHost.program ?? "kubectl", "-n", "shop", "port-forward", "web", "\(local):8080"], environment: environment, log: log)
      defer {
        kill(child, SIGTERM)
        var status: Int32 = 0
        waitpid(child, &status, 0)
      }
      for _ in 0..<1_000 where Files.read(log, limit: 1_000)?.text.contains("Forwarding from") != true {
        try await Task.sleep(for: .milliseconds(10))
      }
      for _ in 0..<2 {
        let page = try await Command("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:\(local)/").outcome()
        #expect(page.output.text.contains("pod=web"), "\(page.errors.text) \(Files.read(log, limit: 4_000)?.text ?? "")")
      }
    }

    /// A person with every right in the API is nobody to a kubelet.
    private func onlyTheApiserver(_ front: KubectlHost) async throws {
      let person: TLSIdentity = try front.authority.issue(
        LeafDescription(commonName: "admin", organizations: ["system:masters"]), now: SystemClock().wall())
      let tls = try TLSContext.client(identity: .fixed(person), trust: .fixed(front.authority.trust))
      let client = HTTPClient(HTTPClientConfiguration(targets: [.host(Self.address, port: Self.port)], tls: tls))
      defer { client.close() }
      for path in ["/containerLogs/shop/teller/web", "/exec/shop/web/web?command=id&output=1"] {
        let answer: ClientResponse = try await client.execute(
          HTTPRequest(method: .get, scheme: "https", authority: "node", path: path), body: nil)
        #expect(answer.head.status.code == 403)
      }
    }
  }
}
