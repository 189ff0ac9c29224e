import KubeClient
import KubeModel
import Logging
import NIOPosix
import PodNetwork
import Primitives
import Processes
import Testing

@testable import Kubelet

extension ContainerdSuites {
  @Suite("A kubelet on containerd, against an apiserver")
  struct KubeletTests {
    @Test(
      "Pods: ready quickly, volumes and environment, crash, restart of the kubelet, orphans, fence, graceful end", .timeLimit(.minutes(2)))
    func life() async throws {
      let host = try await ContainerdHost()
      let cluster = try await TestCluster()
      do { try await use(host, cluster) } catch { Issue.record("\(error)") }
      let left: [String] = await host.tearDown()
      #expect(left.isEmpty)
      cluster.server.stop()
    }

    private func fetch(_ address: String, _ path: String) async throws -> String {
      try await Command("busybox", "wget", "-q", "-O", "-", "http://\(address):8080\(path)").run()
    }

    private func use(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      try await PodNetwork(client: cluster.node, configuration: host.podNetwork).prepare()
      _ = try await cluster.admin.create(
        .configMaps,
        KubeObject([
          "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "settings", "namespace": "shop"], "data": ["color": "red"],
        ]))
      let runtime = CRIRuntime(socket: host.socket, group: .singletonMultiThreadedEventLoopGroup)
      defer { runtime.close() }
      var identity: String = ""
      let first = try Kubelet(client: cluster.node, configuration: host.settings)
      try await cluster.withKubelet(first) {
        try await firstRun(host, cluster, runtime)
        let web: KubeObject? = try await cluster.pod("web", "ready", TestCluster.isReady)
        identity = web?.status["containerStatuses"][0]["containerID"].string ?? ""
      }
      // No kubelet: a pod is force-deleted, and another's containers run on.
      try await cluster.admin.delete(.pods, namespace: "shop", name: "orphan", options: DeleteOptions(gracePeriodSeconds: 0))
      let second = try Kubelet(client: cluster.node, configuration: host.settings)
      try await cluster.withKubelet(second) { try await secondRun(host, cluster, runtime, second, identity) }
      try await powerLoss(host, cluster, runtime)
    }

    /// The host loses its power with two pods on it; one of them is force-deleted before it comes back.
    private func powerLoss(_ host: ContainerdHost, _ cluster: TestCluster, _ runtime: CRIRuntime) async throws {
      let before = try Kubelet(client: cluster.node, configuration: host.settings)
      try await cluster.withKubelet(before) {
        for name in ["stays", "goes"] { _ = try await cluster.admin.create(.pods, TestCluster.pod(name)) }
        for name in ["stays", "goes"] { try await cluster.pod(name, "ready", TestCluster.isReady) }
      }
      try await host.powerOff()
      try await cluster.admin.delete(.pods, namespace: "shop", name: "goes", options: DeleteOptions(gracePeriodSeconds: 0))
      try await host.powerOn()
      let began: ContinuousClock.Instant = .now
      let after = try Kubelet(client: cluster.node, configuration: host.settings)
      try await cluster.withKubelet(after) {
        try await cluster.pod("stays", "ready again") {
          TestCluster.isReady($0) && $0?.status["containerStatuses"][0]["restartCount"].int == 1
        }
        let whole: Duration = .now - began
        for _ in 0..<1_000 {
          if try await runtime.listSandboxes().map(\.name) == ["stays"] { break }
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await runtime.listSandboxes().map(\.name) == ["stays"])
        print("after a power loss: ready again \(Int(whole.inMilliseconds)) ms after the kubelet's start")
        try await cluster.admin.delete(.pods, namespace: "shop", name: "stays")
        try await cluster.pod("stays", "gone") { $0 == nil }
      }
    }

    private func firstRun(_ host: ContainerdHost, _ cluster: TestCluster, _ runtime: CRIRuntime) async throws {
      try await nodeReady(cluster)
      let began: ContinuousClock.Instant = .now
      _ = try await cluster.admin.create(
        .pods,
        TestCluster.pod("web") { pod in
          pod["spec"]["volumes"] = [["name": "settings", "configMap": ["name": "settings"]], ["name": "scratch", "emptyDir": [:]]]
          pod["spec"]["containers"][0]["volumeMounts"] = [
            ["name": "settings", "mountPath": "/www/settings"], ["name": "scratch", "mountPath": "/scratch"],
          ]
          pod["spec"]["containers"][0]["livenessProbe"] = [
            "exec": ["command": ["/bin/test", "!", "-e", "/scratch/sick"]], "periodSeconds": 1, "failureThreshold": 1,
          ]
          pod["spec"]["initContainers"] = [
            [
              "name": "first", "image": "tricenter.local/web:1", "command": ["/bin/sh", "-c", "echo made by $(POD_NAME) > /scratch/note"],
              "env": [["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]]],
              "volumeMounts": [["name": "scratch", "mountPath": "/scratch"]],
            ]
          ]
        })
      let web: KubeObject? = try await cluster.pod("web", "ready", TestCluster.isReady)
      let withInit: Duration = .now - began
      let address: String = web?.status["podIP"].string ?? ""
      #expect(try await fetch(address, "/") == "pod=web host=prod-1 center=production\n")
      #expect(try await fetch(address, "/settings/color") == "red")
      let id: String = web?.status["containerStatuses"][0]["containerID"].string?.replacing("containerd://", with: "") ?? ""
      #expect(
        try await runtime.execute(in: id, ["/bin/cat", "/scratch/note", "/etc/hosts"], timeout: .seconds(5)).output.contains(
          "made by web\n"))

      let again: ContinuousClock.Instant = .now
      for name in ["orphan", "two", "three"] { _ = try await cluster.admin.create(.pods, TestCluster.pod(name)) }
      var times: [Int] = []
      for name in ["orphan", "two", "three"] {
        try await cluster.pod(name, "ready", TestCluster.isReady)
        times.append(Int((ContinuousClock.now - again).inMilliseconds))
      }
      let single: ContinuousClock.Instant = .now
      _ = try await cluster.admin.create(.pods, TestCluster.pod("single"))
      try await cluster.pod("single", "ready", TestCluster.isReady)
      print(
        "bound to ready in ms: with an init container \(Int(withInit.inMilliseconds)), three at once \(times), one alone \(Int((ContinuousClock.now - single).inMilliseconds))"
      )

      // Its liveness probe finds it sick: killed and started again, healthy since the volume's file is removed first.
      _ = try await runtime.execute(in: id, ["/bin/touch", "/scratch/sick"], timeout: .seconds(5))
      try await cluster.pod("web", "killed") { $0?.status["containerStatuses"][0]["restartCount"].int == 1 }
      let uid: String = web?.uid ?? ""
      Files.removeTree("\(host.folder)/kubelet/pods/\(uid)/volumes/scratch/sick")
      // A crash beside it, told with its exit code.
      _ = try await cluster.admin.create(
        .pods,
        TestCluster.pod("crash") { pod in
          pod["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", "echo broken > /dev/termination-log; exit 7"]
          pod["spec"]["containers"][0]["readinessProbe"] = .null
        })
      let crashed: KubeObject? = try await cluster.pod("crash", "in back-off") {
        $0?.status["containerStatuses"][0]["state"]["waiting"]["reason"].string == "CrashLoopBackOff"
      }
      #expect(crashed?.status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"].int == 7)
      #expect(crashed?.status["containerStatuses"][0]["lastState"]["terminated"]["message"].string == "broken\n")
      _ = try await cluster.admin.create(
        .pods, TestCluster.pod("missing") { $0["spec"]["containers"][0]["image"] = "tricenter.local/none:1" })
      try await cluster.pod("missing", "told that its image is missing") {
        ["ErrImagePull", "ImagePullBackOff"].contains($0?.status["containerStatuses"][0]["state"]["waiting"]["reason"].string)
      }
    }

    private func nodeReady(_ cluster: TestCluster) async throws {
      for _ in 0..<1_000 {
        let node: KubeObject? = try await cluster.admin.find(.nodes, name: "prod-1")
        if node?.status["conditions"].array.contains(where: { $0["type"].string == "Ready" && $0["status"].string == "True" }) == true {
          return
        }
        try await Task.sleep(for: .milliseconds(10))
      }
      Issue.record("the node is not ready after 10 s")
    }

    private func secondRun(
      _ host: ContainerdHost, _ cluster: TestCluster, _ runtime: CRIRuntime, _ kubelet: Kubelet, _ identity: String
    ) async throws {
      for _ in 0..<1_000 {
        if try await !runtime.listSandboxes().contains(where: { $0.name == "orphan" }) { break }
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(try await !runtime.listSandboxes().contains { $0.name == "orphan" })
      let two: KubeObject? = try await cluster.pod("two", "ready", TestCluster.isReady)
      let web: KubeObject? = try await cluster.pod("web", "ready", TestCluster.isReady)
      #expect(web?.status["containerStatuses"][0]["containerID"].string == identity)
      #expect(web?.status["containerStatuses"][0]["restartCount"].int == 1)
      let lines: String? = await kubelet.logFile(namespace: "shop", pod: "two", container: "web", previous: false)
        .flatMap { Files.read($0, limit: 1_000)?.text }
      #expect(lines?.contains("serving") == true)

      let fenceBegan: ContinuousClock.Instant = .now
      await kubelet.fence(reason: "local-dr is active")
      let fenced: Duration = .now - fenceBegan
      #expect(try await !runtime.listContainers().contains { $0.state == .running })
      let address: String = two?.status["podIP"].string ?? ""
      let probe = NetworkProber(group: .singletonMultiThreadedEventLoopGroup)
      #expect(await !probe.probe(.tcp(host: "", port: 8080), address: address, timeout: .milliseconds(300)).succeeded)
      await kubelet.unfence()
      for name in ["web", "two", "three", "single"] { try await cluster.pod(name, "ready after the fence", TestCluster.isReady) }

      let deletion: ContinuousClock.Instant = .now
      for pod in try await cluster.admin.list(.pods, namespace: "shop").items {
        try await cluster.admin.delete(.pods, namespace: "shop", name: pod.name)
      }
      for name in ["web", "two", "three", "single", "crash", "missing"] { try await cluster.pod(name, "gone") { $0 == nil } }
      print(
        "fence of five pods \(Int(fenced.inMilliseconds)) ms; graceful end of six pods \(Int((ContinuousClock.now - deletion).inMilliseconds)) ms"
      )
      #expect(try await runtime.listSandboxes().isEmpty)
      // The directory goes after the object.
      for _ in 0..<500 where !Files.names(in: "\(host.folder)/kubelet/pods").isEmpty { try await Task.sleep(for: .milliseconds(10)) }
      #expect(Files.names(in: "\(host.folder)/kubelet/pods").isEmpty)
    }
  }
}
