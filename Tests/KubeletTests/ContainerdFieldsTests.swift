import KubeClient
import KubeModel
import NIOPosix
import PodNetwork
import Primitives
import Processes
import Testing

@testable import Kubelet

extension ContainerdSuites {
  @Suite("Fields of pods on containerd")
  struct FieldTests {
    @Test("What a pod asks for is what its containers get", .timeLimit(.minutes(2)))
    func fields() async throws {
      let host = try await ContainerdHost()
      let cluster = try await TestCluster()
      do { try await use(host, cluster) } catch { Issue.record("\(error)") }
      let left: [String] = await host.tearDown()
      #expect(left.isEmpty)
      cluster.server.stop()
    }

    /// Runs once and says what it finds.
    private func teller(_ name: String, _ script: String, _ change: (inout JSONValue) -> Void = { _ in }) -> KubeObject {
      TestCluster.pod(name) { pod in
        pod["spec"]["restartPolicy"] = "Never"
        pod["spec"]["containers"][0]["command"] = ["/bin/sh", "-c", .string(script)]
        pod["spec"]["containers"][0]["readinessProbe"] = .null
        change(&pod["spec"])
      }
    }

    private func use(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      try await PodNetwork(client: cluster.node, configuration: host.podNetwork).prepare()
      let kubelet = try Kubelet(client: cluster.node, configuration: host.settings)
      try await cluster.withKubelet(kubelet) {
        try await create(host, cluster)
        try await refused(cluster)
        try await ended(host, cluster, kubelet)
        try await served(host, cluster)
        try await logIsTurnedOver(host, cluster, kubelet)
        try await imagesGo(host, cluster)
        for pod in try await cluster.admin.list(.pods, namespace: "shop").items {
          try await cluster.admin.delete(.pods, namespace: "shop", name: pod.name)
        }
        for name in ["hooks", "port", "secure", "late", "words", "chatty"] { try await cluster.pod(name, "gone") { $0 == nil } }
        #expect(Files.exists("\(host.folder)/hooks/started"))
        #expect(Files.exists("\(host.folder)/hooks/stopping"))
      }
    }

    private func create(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      let secret = KubeObject([
        "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "key", "namespace": "shop"], "data": ["token": "c2VzYW1l"],
      ])
      _ = try await cluster.admin.create(.secrets, secret)
      try Files.makeDirectory("\(host.folder)/hooks", mode: 0o777)
      let secure: KubeObject = teller(
        "secure",
        """
        echo user $(id -u) $(id -g); touch /new || echo read-only; busybox grep CapEff /proc/self/status
        echo score $(cat /proc/self/oom_score_adj)
        cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max; busybox grep /secret /proc/mounts; cat /secret/token
        """
      ) { spec in
        spec["containers"][0]["securityContext"] = [
          "runAsUser": 1000, "runAsGroup": 2000, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
        ]
        spec["containers"][0]["resources"] = ["requests": ["memory": "16Mi"], "limits": ["cpu": "500m", "memory": "64Mi"]]
        spec["volumes"] = [["name": "key", "secret": ["secretName": "key"]]]
        spec["containers"][0]["volumeMounts"] = [["name": "key", "mountPath": "/secret", "readOnly": true]]
      }
      let pods: [KubeObject] = [
        secure, teller("words", "echo this is why; exit 3") { $0["containers"][0]["terminationMessagePolicy"] = "FallbackToLogsOnError" },
        teller("late", "sleep 60") { $0["activeDeadlineSeconds"] = 1 }, teller("users", "true") { $0["hostUsers"] = false },
        teller("never", "true") { spec in
          spec["containers"][0]["image"] = "tricenter.local/none:1"
          spec["containers"][0]["imagePullPolicy"] = "Never"
        },
        TestCluster.pod("port") { $0["spec"]["containers"][0]["ports"][0]["hostPort"] = 18080 },
        TestCluster.pod("hooks") { pod in
          pod["spec"]["containers"][0]["lifecycle"] = [
            "postStart": ["exec": ["command": ["/bin/touch", "/hooks/started"]]],
            "preStop": ["exec": ["command": ["/bin/touch", "/hooks/stopping"]]],
          ]
          pod["spec"]["volumes"] = [["name": "hooks", "hostPath": ["path": .string("\(host.folder)/hooks")]]]
          pod["spec"]["containers"][0]["volumeMounts"] = [["name": "hooks", "mountPath": "/hooks"]]
        },
      ]
      for pod in pods { _ = try await cluster.admin.create(.pods, pod) }
    }

    private func refused(_ cluster: TestCluster) async throws {
      let users: KubeObject? = try await cluster.pod("users", "refused") { $0?.status["reason"].string == "Unsupported" }
      #expect(users?.status["phase"].string == "Pending")
      #expect(users?.status["message"].string?.contains("hostUsers") == true)
      try await cluster.pod("never", "waiting for its image") {
        $0?.status["containerStatuses"][0]["state"]["waiting"]["reason"].string == "ErrImageNeverPull"
      }
    }

    private func ended(_ host: ContainerdHost, _ cluster: TestCluster, _ kubelet: Kubelet) async throws {
      let late: KubeObject? = try await cluster.pod("late", "over its deadline") { $0?.status["phase"].string == "Failed" }
      #expect(late?.status["reason"].string == "DeadlineExceeded")
      // On a slow machine the deadline comes before the container.
      #expect(late?.status["containerStatuses"].array.allSatisfy { $0["state"]["terminated"].object != nil } == true)
      let words: KubeObject? = try await cluster.pod("words", "ended") { $0?.status["phase"].string == "Failed" }
      #expect(words?.status["containerStatuses"][0]["state"]["terminated"]["message"].string == "this is why\n")
      try await cluster.pod("secure", "ended") { $0?.status["phase"].string == "Succeeded" }
      let path: String? = await kubelet.logFile(namespace: "shop", pod: "secure", container: "web", previous: false)
      let said: String = path.flatMap { Files.read($0, limit: 10_000)?.text } ?? ""
      for part in [
        "user 1000 2000", "read-only", "CapEff:\t0000000000000000", "67108864", "tmpfs /secret tmpfs ro", "sesame", "score 99",
      ] {
        #expect(said.contains(part), "\(part) is not in: \(said)")
      }
    }

    private func logIsTurnedOver(_ host: ContainerdHost, _ cluster: TestCluster, _ kubelet: Kubelet) async throws {
      _ = try await cluster.admin.create(
        .pods, teller("chatty", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done") { $0["restartPolicy"] = "Always" })
      try await cluster.pod("chatty", "running") { $0?.status["phase"].string == "Running" }
      let path: String = try #require(await kubelet.logFile(namespace: "shop", pod: "chatty", container: "web", previous: false))
      let id: String = try #require(await kubelet.containerID(namespace: "shop", pod: "chatty", container: "web"))
      let runtime = CRIRuntime(socket: host.socket, group: .singletonMultiThreadedEventLoopGroup)
      defer { runtime.close() }
      let rotator = LogRotator(runtime: runtime, rotation: LogRotation(limits: .init(bytes: 1, files: 5)), clock: SystemClock())
      for _ in 0..<500 where Files.read(path, limit: 1)?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(10)) }
      await rotator.look(at: path, container: id)
      let folder = String(path[..<path.lastIndex(of: "/")!])
      #expect(Files.names(in: folder).count == 2)
      // The runtime writes into the new file.
      for _ in 0..<500 where Files.read(path, limit: 1)?.isEmpty ?? true { try await Task.sleep(for: .milliseconds(10)) }
      #expect(Files.read(path, limit: 100)?.text.contains("line") == true)
    }

    private func imagesGo(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      try await host.importSpareImage()
      let runtime = CRIRuntime(socket: host.socket, group: .singletonMultiThreadedEventLoopGroup)
      defer { runtime.close() }
      #expect(try await runtime.sandboxImage() == "tricenter.local/pause:1")
      #expect(try await runtime.imageDisk()?.capacity ?? 0 > 0)
      let clock = SystemClock()
      let keeper = ImageKeeper(
        runtime: runtime, client: cluster.node, references: ClientReferences(client: cluster.node, clock: clock), clock: clock,
        recorder: EventRecorder(client: cluster.node, component: "kubelet", host: "prod-1"), node: "prod-1",
        thresholds: .init(high: 85, low: 80, youngest: .zero))
      #expect(try await keeper.collect(.init(capacity: 1_000, free: 900)) == [])
      // A Deployment that has no pods yet names it: it stays.
      let deployment = KubeObject([
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "later", "namespace": "shop"],
        "spec": [
          "selector": ["matchLabels": ["a": "b"]],
          "template": [
            "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "tricenter.local/spare:1"]]],
          ],
        ],
      ])
      _ = try await cluster.admin.create(.deployments, deployment)
      try await keeper.look()
      let complete: KubeObject? = try await cluster.admin.find(.nodes, name: "prod-1")
      #expect(complete?.annotations[ImageKeeper.missingAnnotation]?.contains("spare") == false)
      var absent: KubeObject = deployment
      absent.json["metadata"]["name"] = "absent"
      absent.json["spec"]["template"]["spec"]["containers"][0]["image"] = "tricenter.local/nowhere:1"
      _ = try await cluster.admin.create(.deployments, absent)
      try await keeper.look()
      let lacking: KubeObject? = try await cluster.admin.find(.nodes, name: "prod-1")
      #expect(lacking?.annotations[ImageKeeper.missingAnnotation]?.contains("tricenter.local/nowhere:1") == true)
      try await cluster.admin.delete(.deployments, namespace: "shop", name: "absent")
      #expect(try await keeper.collect(.init(capacity: 1_000, free: 0)) == [])
      try await cluster.admin.delete(.deployments, namespace: "shop", name: "later")
      #expect(try await keeper.collect(.init(capacity: 1_000, free: 0)) == ["tricenter.local/spare:1"])
      #expect(try await runtime.image("tricenter.local/spare:1") == nil)
      #expect(try await runtime.image("tricenter.local/web:1") != nil)
      #expect(try await runtime.image("tricenter.local/pause:1") != nil)
    }

    private func served(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      try await cluster.pod("port", "ready", TestCluster.isReady)
      let page: String = try await Command("busybox", "wget", "-q", "-O", "-", "http://\(host.hostAddress):18080/").run()
      #expect(page.contains("pod=port"))
      _ = try await cluster.admin.create(
        .pods, TestCluster.pod("port-too") { $0["spec"]["containers"][0]["ports"][0]["hostPort"] = 18080 })
      let second: KubeObject? = try await cluster.pod("port-too", "refused") { $0?.status["phase"].string == "Failed" }
      #expect(second?.status["reason"].string == "NodePorts")
      try await cluster.pod("hooks", "ready", TestCluster.isReady)
    }
  }
}
