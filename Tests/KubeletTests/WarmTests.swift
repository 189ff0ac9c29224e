import KubeClient
import KubeModel
import NIOPosix
import PodNetwork
import Primitives
import Synchronization
import Testing

@testable import Kubelet

/// A ReplicaSet whose pods are those of `TestCluster.pod`, made `warm`.
func warmSet(_ name: String, replicas: Int64 = 3, tier: String? = "warm") -> KubeObject {
  var template: JSONValue = TestCluster.pod("x").spec
  template["nodeName"] = .null
  var set = KubeObject([
    "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": ["name": .string(name), "namespace": "shop"],
    "spec": [
      "replicas": .int(replicas), "selector": ["matchLabels": ["app": "web"]],
      "template": ["metadata": ["labels": ["app": "web"]], "spec": template],
    ],
  ])
  if let tier { set.json["metadata"]["annotations"] = [WorkloadTier.annotation: .string(tier)] }
  return set
}

func warmPod(_ name: String) -> KubeObject {
  TestCluster.pod(name) { $0["metadata"]["annotations"] = [WorkloadTier.annotation: "warm"] }
}

@Suite("Warm: sandboxes before their pods") struct WarmTests {
  static let settings: KubeletConfiguration = {
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero), rootDirectory: "/nowhere")
    settings.clusterDNS = ["10.1.0.11"]
    return settings
  }()
  @Test("Pods without a prepared sandbox wait a moment for those with one, and only for a moment") func turns() {
    func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }
    var turns = WarmTurns()
    // Two are prepared: their pods may be on the way.
    #expect(turns.onMaking(free: 2, now: at(0)) == KubeletLimits.preparedExpected)
    turns.onTaken("warm")
    #expect(turns.onMaking(free: 1, now: at(20)) == KubeletLimits.preparedFirst - .milliseconds(20))
    turns.onBegan("warm")
    // What is left over may never be taken.
    #expect(turns.onMaking(free: 1, now: at(60)) == nil)
    turns.onTaken("other")
    #expect(turns.onMaking(free: 0, now: at(299)) != nil)
    #expect(turns.onMaking(free: 0, now: at(300)) == nil)
    var plain = WarmTurns()
    #expect(plain.onMaking(free: 0, now: at(0)) == nil)
  }
  static func node(_ name: String, center: String = "production", ready: Bool = true) -> KubeObject {
    KubeObject([
      "metadata": ["name": .string(name), "labels": ["federation.tricenter.io/center": .string(center)]],
      "status": ["conditions": [["type": "Ready", "status": .string(ready ? "True" : "False")]]],
    ])
  }
  static func template(_ pod: KubeObject) -> SandboxTemplate? {
    SandboxTemplate(pod, builder: ConfigurationBuilder(settings: settings, pod: pod))
  }
  static func at(_ milliseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: milliseconds * 1_000_000) }

  @Test("a pod fits what was made for its set, however it is called; another namespace or network does not") func fits() throws {
    let set: KubeObject = warmSet("web-1")
    let wanted = WarmPlan.wanted(
      sets: [set], namespaces: [:], nodes: [Self.node("prod-1")], center: "production", settings: Self.settings)
    let digest: String = try #require(wanted.keys.first)
    #expect(Self.template(warmPod("web-1-abcde"))?.digest == digest)
    #expect(Self.template(TestCluster.pod("exclusive")) == nil)
    #expect(Self.template(TestCluster.pod("hot", hot: true)) == nil)
    var elsewhere: KubeObject = warmPod("a")
    elsewhere.json["metadata"]["namespace"] = "bank"
    #expect(Self.template(elsewhere)?.digest != digest)
    var shared: KubeObject = warmPod("a")
    shared.json["spec"]["shareProcessNamespace"] = true
    #expect(Self.template(shared)?.digest != digest)
    for change in ["hostNetwork", "hostPID"] {
      var host: KubeObject = warmPod("a")
      host.json["spec"][change] = true
      #expect(Self.template(host) == nil)
    }
    var port: KubeObject = warmPod("a")
    port.json["spec"]["containers"][0]["ports"][0]["hostPort"] = 80
    #expect(Self.template(port) == nil)
  }

  @Test("each host prepares its part, rounded up, within the limit; the namespace's tier stands where the set has none") func parts() {
    let nodes: [KubeObject] = [
      Self.node("prod-1"), Self.node("prod-2"), Self.node("prod-3", ready: false), Self.node("ldr-1", center: "local-dr"),
    ]
    func count(_ sets: [KubeObject], namespace: String? = nil, limit: Int = 32) -> Int {
      var namespaces: [String: KubeObject] = [:]
      if let namespace {
        namespaces["shop"] = KubeObject(["metadata": ["name": "shop", "annotations": [WorkloadTier.annotation: .string(namespace)]]])
      }
      return WarmPlan.wanted(
        sets: sets, namespaces: namespaces, nodes: nodes, center: "production", settings: Self.settings, limit: limit
      ).values.reduce(0) { $0 + $1.count }
    }
    #expect(count([warmSet("a")]) == 2)
    #expect(count([warmSet("a"), warmSet("b", replicas: 1)]) == 3)
    #expect(count([warmSet("a", replicas: 500)], limit: 32) == 32)
    #expect(count([warmSet("a", replicas: 0), warmSet("b", tier: "exclusive"), warmSet("c", tier: nil)]) == 0)
    #expect(count([warmSet("a", tier: nil)], namespace: "warm") == 2)
    #expect(count([warmSet("a", tier: "cold")], namespace: "warm") == 0)
  }

  @Test("the pool gives each sandbox once, forgets what vanished, and knows what an earlier kubelet left") func pool() {
    func observed(_ id: String, _ digest: String = "d", ready: Bool = true) -> SandboxObservation {
      var sandbox = SandboxObservation(id: id, podUID: "prepared-\(id)", namespace: "shop", name: id, attempt: 0, ready: ready)
      sandbox.prepared = digest
      return sandbox
    }
    var pool = WarmPool()
    #expect(pool.plan(["d": 2]).make == ["d": 2])
    pool.onMade(.init(id: "a", uid: "prepared-a", digest: "d", since: Self.at(10)))
    #expect(pool.plan(["d": 2]).make == ["d": 1])
    // An observation from before does not take it away.
    #expect(pool.onObserved([], takenAt: Self.at(5)).isEmpty)
    // Left over from an earlier kubelet: one free, one with a pod's container in it.
    #expect(pool.onObserved([(observed("a"), nil), (observed("b"), nil), (observed("c"), "pod-c")], takenAt: Self.at(20)).isEmpty)
    #expect(pool.plan(["d": 2]).make.isEmpty && pool.plan(["d": 2]).discard.isEmpty)
    #expect(pool.plan(["d": 1]).discard.map(\.id) == ["b"] && pool.plan([:]).discard.count == 2)
    #expect(pool.take(digest: "other", pod: "p") == nil)
    #expect(pool.take(digest: "d", pod: "p")?.id == "a")
    #expect(pool.take(digest: "d", pod: "q")?.id == "b")
    #expect(pool.take(digest: "d", pod: "r") == nil)
    // Its pod's containers have gone: it is not free again.
    #expect(pool.onObserved([(observed("a"), nil), (observed("b"), nil), (observed("c"), nil)], takenAt: Self.at(30)).isEmpty)
    #expect(pool.free.isEmpty && pool.taken["c"]?.pod == "pod-c" && pool.taken["a"]?.pod == "p")
    #expect(pool.onObserved([(observed("a"), "p")], takenAt: Self.at(40)).map(\.id).sorted() == ["b", "c"])
    // Removed: a list from before does not bring it back.
    pool.onDiscarded("a", now: Self.at(50))
    #expect(pool.onObserved([(observed("a"), nil)], takenAt: Self.at(45)).isEmpty && pool.free.isEmpty)
    // One that died free is lost, and made anew.
    pool.onMade(.init(id: "e", uid: "prepared-e", digest: "d", since: Self.at(60)))
    #expect(pool.onObserved([(observed("e", ready: false), nil)], takenAt: Self.at(70)).map(\.id) == ["e"])
    #expect(pool.plan(["d": 1]).make == ["d": 1])
  }

  @Test("a standby prepares, says nothing of it, hands over when active, and clears away what is left", .timeLimit(.minutes(1)))
  func kubelet() async throws {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    let runtime = try SimulatedRuntime(podCIDR: "10.244.0.0/24")
    var settings: KubeletConfiguration = Self.settings
    settings.rootDirectory = "\(scratch.path)/kubelet"
    settings.cgroupRoot = ""
    let standing: Mutex<CenterStanding> = Mutex(.next)
    func kubelet() throws -> Kubelet {
      try Kubelet(
        client: cluster.node, configuration: settings, standing: { standing.withLock { $0 } }, runtime: runtime)
    }
    func sandboxes(_ count: Int) async throws -> [SandboxObservation] {
      for _ in 0..<2_000 {
        let all: [SandboxObservation] = try await runtime.listSandboxes()
        if all.count == count { return all }
        try await Task.sleep(for: .milliseconds(5))
      }
      return try await runtime.listSandboxes()
    }
    var first: Set<String> = []
    try await cluster.withKubelet(try kubelet()) {
      _ = try await cluster.admin.create(.replicaSets, warmSet("web"))
      let made: [SandboxObservation] = try await sandboxes(3)
      #expect(made.count == 3 && made.allSatisfy { $0.prepared != nil && $0.podUID.hasPrefix("prepared-") })
      #expect(try await cluster.admin.list(.pods).items.isEmpty)
      first = Set(made.map(\.id))
    }
    // The next kubelet knows them.
    try await cluster.withKubelet(try kubelet()) {
      try await Task.sleep(for: .seconds(2))
      #expect(Set(try await sandboxes(3).map(\.id)) == first)
      standing.withLock { $0 = .active }
      for name in ["a", "b"] { _ = try await cluster.admin.create(.pods, warmPod(name)) }
      _ = try await cluster.admin.create(.pods, TestCluster.pod("plain"))
      for name in ["a", "b", "plain"] { try await cluster.pod(name, "ready", TestCluster.isReady) }
      let now: [SandboxObservation] = try await sandboxes(4)
      #expect(now.count == 4 && first.isSubset(of: Set(now.map(\.id))))
      #expect(now.count { $0.prepared == nil } == 1)
      let addresses: Set<String> = Set(
        try await cluster.admin.list(.pods).items.compactMap { $0.status["podIP"].string })
      #expect(addresses.count == 3)
      // Over once more: the free one goes at once, those of pods with their pods.
      standing.withLock { $0 = .other }
      #expect(try await sandboxes(3).count == 3)
      for name in ["a", "b", "plain"] { try await cluster.admin.delete(.pods, namespace: "shop", name: name) }
      for name in ["a", "b", "plain"] { try await cluster.pod(name, "gone") { $0 == nil } }
      #expect(try await sandboxes(0).isEmpty)
      // The workload goes: so does what was prepared for it.
      standing.withLock { $0 = .next }
      #expect(try await sandboxes(3).count == 3)
      try await cluster.admin.delete(.replicaSets, namespace: "shop", name: "web")
      #expect(try await sandboxes(0).isEmpty)
    }
    cluster.server.stop()
  }
}

extension ContainerdSuites {
  @Suite("Warm, on containerd") struct WarmContainerTests {
    @Test("a pod in an adopted sandbox is as any other: its names, its logs, its end", .timeLimit(.minutes(2)))
    func adoption() async throws {
      let host = try await ContainerdHost()
      let cluster = try await TestCluster()
      do { try await use(host, cluster) } catch { Issue.record("\(error)") }
      let left: [String] = await host.tearDown()
      #expect(left.isEmpty)
      cluster.server.stop()
    }

    private func use(_ host: ContainerdHost, _ cluster: TestCluster) async throws {
      try await PodNetwork(client: cluster.node, configuration: host.podNetwork).prepare()
      let runtime = CRIRuntime(socket: host.socket, group: .singletonMultiThreadedEventLoopGroup)
      defer { runtime.close() }
      let standing: Mutex<CenterStanding> = Mutex(.next)
      let kubelet = try Kubelet(client: cluster.node, configuration: host.settings, standing: { standing.withLock { $0 } })
      try await cluster.withKubelet(kubelet) {
        _ = try await cluster.admin.create(.replicaSets, warmSet("web", replicas: 1))
        var prepared: [SandboxObservation] = []
        for _ in 0..<1_000 where prepared.isEmpty {
          prepared = try await runtime.listSandboxes()
          try await Task.sleep(for: .milliseconds(10))
        }
        try #require(prepared.count == 1)
        #expect(try await runtime.listContainers().isEmpty)
        standing.withLock { $0 = .active }
        let began: ContinuousClock.Instant = .now
        _ = try await cluster.admin.create(.pods, warmPod("web-0"))
        let pod: KubeObject? = try await cluster.pod("web-0", "ready", TestCluster.isReady)
        print("warm: ready \(Int((ContinuousClock.now - began).inMilliseconds)) ms after its creation")
        #expect(try await runtime.listSandboxes().map(\.id) == prepared.map(\.id))
        let id: String = try #require(await kubelet.containerID(namespace: "shop", pod: "web-0", container: "web"))
        let names: String = try await runtime.execute(
          in: id, ["/bin/sh", "-c", "hostname; cat /etc/hostname; grep web-0 /etc/hosts; grep nameserver /etc/resolv.conf"],
          timeout: .seconds(5)
        ).output
        #expect(names.hasPrefix("web-0\nweb-0\n\(pod?.status["podIP"].string ?? "?")\tweb-0\n"), "\(names)")
        #expect(!names.contains("prepared"))
        let log: String = try #require(await kubelet.logFile(namespace: "shop", pod: "web-0", container: "web", previous: false))
        #expect(log.contains("/shop_web-0_") && Files.exists(log))
      }
      // Another kubelet finds the pod in the sandbox that is not called after it.
      let second = try Kubelet(client: cluster.node, configuration: host.settings, standing: { .active })
      try await cluster.withKubelet(second) {
        try await Task.sleep(for: .seconds(1))
        let same: KubeObject? = try await cluster.pod("web-0", "ready", TestCluster.isReady)
        #expect(same?.status["containerStatuses"][0]["restartCount"].int == 0)
        await second.fence(reason: "local-dr is active")
        try await cluster.pod("web-0", "fenced") { $0?.status["reason"].string == "Fenced" }
        for _ in 0..<1_000 {
          if try await runtime.listSandboxes().isEmpty { break }
          try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await runtime.listSandboxes().isEmpty)
        try await cluster.admin.delete(.pods, namespace: "shop", name: "web-0")
        try await cluster.pod("web-0", "gone") { $0 == nil }
      }
    }
  }
}
