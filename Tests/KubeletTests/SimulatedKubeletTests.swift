import KubeClient
import KubeModel
import Primitives
import Testing

@testable import Kubelet

@Suite("A kubelet with simulated pods, against an apiserver")
struct SimulatedKubeletTests {
  private func settings(_ scratch: Scratch) -> KubeletConfiguration {
    var settings = KubeletConfiguration(
      hostName: "prod-1", center: "production", city: "east", address: "10.1.0.11", podCIDR: "10.244.0.0/24",
      runtime: .simulated(startLatency: .zero),
      rootDirectory: "\(scratch.path)/kubelet")
    settings.cgroupRoot = ""
    settings.leaseEvery = .milliseconds(100)
    return settings
  }

  @Test("The node registers, says that it is simulated, and renews its lease", .timeLimit(.minutes(1)))
  func node() async throws {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    let kubelet = try Kubelet(client: cluster.node, configuration: settings(scratch))
    try await cluster.withKubelet(kubelet) {
      var node: KubeObject?
      while node?.status["conditions"].array.contains(where: { $0["type"].string == "Ready" && $0["status"].string == "True" }) != true {
        node = try await cluster.admin.find(.nodes, name: "prod-1")
      }
      #expect(node?.labels["topology.kubernetes.io/zone"] == "production")
      #expect(node?.spec["podCIDR"].string == "10.244.0.0/24")
      #expect(node?.status["nodeInfo"]["containerRuntimeVersion"].string == "simulated://1")
      var seen: Set<String> = []
      while seen.count < 3 {
        if let lease: KubeObject = try await cluster.admin.find(.leases, namespace: "kube-node-lease", name: "prod-1") {
          seen.insert(lease.spec["renewTime"].string ?? "")
        }
      }
    }
    cluster.server.stop()
  }

  @Test("Fifty pods become ready, one crashes and comes back, all are deleted", .timeLimit(.minutes(1)))
  func pods() async throws {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    let runtime = try SimulatedRuntime(podCIDR: "10.244.0.0/24")
    let kubelet = try Kubelet(client: cluster.node, configuration: settings(scratch), runtime: runtime)
    try await cluster.withKubelet(kubelet) {
      for index in 0..<50 { _ = try await cluster.admin.create(.pods, TestCluster.pod("web-\(index)")) }
      for index in 0..<50 { try await cluster.pod("web-\(index)", "ready", TestCluster.isReady) }
      let addresses: Set<String> = Set(
        try await cluster.admin.list(.pods, namespace: "shop").items.compactMap { $0.status["podIP"].string })
      #expect(addresses.count == 50)
      let first: KubeObject? = try await cluster.admin.find(.pods, namespace: "shop", name: "web-0")
      let id: String = first?.status["containerStatuses"][0]["containerID"].string?.replacing("containerd://", with: "") ?? ""
      runtime.exit(container: id, code: 3)
      let restarted: KubeObject? = try await cluster.pod("web-0", "restarted") {
        TestCluster.isReady($0) && $0?.status["containerStatuses"][0]["restartCount"].int == 1
      }
      #expect(restarted?.status["containerStatuses"][0]["lastState"]["terminated"]["exitCode"].int == 3)
      for index in 0..<50 { try await cluster.admin.delete(.pods, namespace: "shop", name: "web-\(index)") }
      for index in 0..<50 { try await cluster.pod("web-\(index)", "gone") { $0 == nil } }
      #expect(try await runtime.listSandboxes().isEmpty)
    }
    cluster.server.stop()
  }

  @Test("Fenced: exclusive pods end at once and stay ended, hot ones go on; the deadline fences by itself", .timeLimit(.minutes(1)))
  func fence() async throws {
    let scratch = Scratch()
    let cluster = try await TestCluster()
    let runtime = try SimulatedRuntime(podCIDR: "10.244.0.0/24")
    let (events, tell) = AsyncStream<FenceEvent>.makeStream()
    let kubelet = try Kubelet(client: cluster.node, configuration: settings(scratch), fence: FenceSignal(events), runtime: runtime)
    let clock = SystemClock()
    _ = try await cluster.admin.create(.pods, TestCluster.pod("exclusive"))
    _ = try await cluster.admin.create(.pods, TestCluster.pod("hot", hot: true))
    try await cluster.withKubelet(kubelet) {
      // Nobody has said that this center is active: only the hot pod starts.
      try await cluster.pod("hot", "ready", TestCluster.isReady)
      #expect(!TestCluster.isReady(try await cluster.admin.find(.pods, namespace: "shop", name: "exclusive")))
      let until: MonotonicTime = clock.now() + .milliseconds(1_500)
      tell.yield(.open(until: until))
      try await cluster.pod("exclusive", "ready", TestCluster.isReady)
      #expect(await kubelet.exclusivePods() == 1)
      // Nobody renews.
      try await cluster.pod("exclusive", "fenced") { $0?.status["reason"].string == "Fenced" && !TestCluster.isReady($0) }
      #expect(clock.now() >= until)
      #expect(clock.now() - until < .milliseconds(500))
      #expect(await kubelet.exclusivePods() == 0)
      #expect(TestCluster.isReady(try await cluster.admin.find(.pods, namespace: "shop", name: "hot")))
      tell.yield(.open(until: clock.now() + .seconds(60)))
      let back: KubeObject? = try await cluster.pod("exclusive", "ready again", TestCluster.isReady)
      #expect(back?.status["reason"].string == nil)
      await kubelet.fence(reason: "local-dr is active")
      #expect(await kubelet.exclusivePods() == 0)
    }
    cluster.server.stop()
  }
}
