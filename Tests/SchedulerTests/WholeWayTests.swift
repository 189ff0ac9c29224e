import APIServer
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Primitives
import Synchronization
import TLS
import Testing

@testable import Scheduler

/// The scheduler on a real apiserver over a keyspace in memory.
@Suite(.serialized) struct WholeWayTests {
  final class Center: Sendable {
    private let name: Mutex<CenterName?>
    init(_ name: CenterName?) { self.name = Mutex(name) }
    var active: CenterName? {
      get { name.withLock { $0 } }
      set { name.withLock { $0 = newValue } }
    }
  }

  static func node(_ name: String, center: String, cpu: String = "4", pods: Int64 = 110) -> KubeObject {
    KubeObject([
      "apiVersion": "v1", "kind": "Node",
      "metadata": [
        "name": .string(name),
        "labels": [
          "kubernetes.io/hostname": .string(name), "topology.kubernetes.io/zone": .string(center),
          "federation.tricenter.io/center": .string(center),
        ],
      ],
      "status": [
        "allocatable": ["cpu": .string(cpu), "memory": "8Gi", "pods": .string(String(pods))],
        "conditions": [["type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok"]],
      ],
    ])
  }

  static func pod(_ name: String, cpu: String = "100m", more: JSONObject = JSONObject()) -> KubeObject {
    var pod = KubeObject([
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "namespace": "default", "labels": ["app": "web"]],
      "spec": ["containers": [["name": "c", "image": "i", "resources": ["requests": ["cpu": .string(cpu), "memory": "64Mi"]]]]],
    ])
    for member in more.members { pod.json["spec"][member.key] = member.value }
    return pod
  }

  func run(_ center: Center, _ body: @escaping @Sendable (KubeClient, Scheduler) async throws -> Void) async throws {
    let server = APIServer(configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1), store: LocalKeyspace())
    let client = KubeClient(
      transport: InProcessTransport(
        responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])), fieldManager: "test")
    try await server.start()
    let scheduler = Scheduler(client: client, configuration: SchedulerConfiguration(activeCenter: { center.active }, seed: 1))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await scheduler.run() }
      group.addTask { try await body(client, scheduler) }
      try await group.next()
      group.cancelAll()
      while (try? await group.next()) != nil {}
    }
    server.stop()
  }

  func eventually(
    _ what: String, within limit: Duration = .seconds(15), location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
  ) async throws {
    let clock = SystemClock()
    let end: MonotonicTime = clock.now() + limit
    while clock.now() < end {
      if try await condition() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    Issue.record("did not happen within \(limit): \(what)", sourceLocation: location)
  }

  @Test func `pods go to the active center only, and at once to the next one when it becomes active`() async throws {
    let center = Center("production")
    try await run(center) { client, _ in
      for (name, center) in [("prod-1", "production"), ("prod-2", "production"), ("ldr-1", "local-dr")] {
        _ = try await client.create(.nodes, Self.node(name, center: center, cpu: "1"))
      }
      for number in 0..<4 { _ = try await client.create(.pods, Self.pod("p\(number)", cpu: "400m")) }
      try await eventually("four on production") {
        try await client.list(.pods).items.allSatisfy { ($0.spec["nodeName"].string ?? "").hasPrefix("prod-") }
      }
      let first: KubeObject = try await client.get(.pods, namespace: "default", name: "p0")
      #expect(first.labels["topology.kubernetes.io/zone"] == "production")
      #expect(first.status["conditions"].array.contains { $0["type"] == "PodScheduled" && $0["status"] == "True" })
      // Production is full; local-dr has room but is not active.
      _ = try await client.create(.pods, Self.pod("late", cpu: "400m"))
      let message: String = "0/3 nodes are available: 1 node(s) were outside the active center production, 2 Insufficient cpu."
      try await eventually("the refusal is told") {
        try await client.get(.pods, namespace: "default", name: "late").status["conditions"].array.contains {
          $0["type"] == "PodScheduled" && $0["status"] == "False" && $0["reason"] == "Unschedulable" && $0["message"] == .string(message)
        }
      }
      try await eventually("an event says so") {
        try await client.list(.events, namespace: "default").items.contains {
          $0["reason"] == "FailedScheduling" && $0["message"] == .string(message)
        }
      }
      let before: MonotonicTime = SystemClock().now()
      center.active = "local-dr"
      try await eventually("late runs in local-dr") {
        try await client.get(.pods, namespace: "default", name: "late").spec["nodeName"] == "ldr-1"
      }
      print("placed \((SystemClock().now() - before).inMilliseconds) ms after the center became active")
    }
  }

  @Test func `room that becomes free is used`() async throws {
    try await run(Center("production")) { client, _ in
      _ = try await client.create(.nodes, Self.node("prod-1", center: "production", cpu: "1"))
      _ = try await client.create(.pods, Self.pod("big", cpu: "900m"))
      try await eventually("big is placed") { try await client.get(.pods, namespace: "default", name: "big").spec["nodeName"] == "prod-1" }
      _ = try await client.create(.pods, Self.pod("next", cpu: "900m"))
      try await eventually("next waits") {
        try await client.get(.pods, namespace: "default", name: "next").status["conditions"].array.contains { $0["status"] == "False" }
      }
      try await client.delete(.pods, namespace: "default", name: "big", options: DeleteOptions(gracePeriodSeconds: 0))
      try await eventually("next is placed") {
        try await client.get(.pods, namespace: "default", name: "next").spec["nodeName"] == "prod-1"
      }
    }
  }

  @Test func `a thousand pods on a hundred nodes`() async throws {
    try await run(Center("production")) { client, scheduler in
      for number in 0..<100 { _ = try await client.create(.nodes, Self.node("n\(number)", center: "production", cpu: "8")) }
      let began: MonotonicTime = SystemClock().now()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<8 {
          group.addTask { for number in 0..<125 { _ = try await client.create(.pods, Self.pod("p\(worker)-\(number)")) } }
        }
        try await group.waitForAll()
      }
      let created: MonotonicTime = SystemClock().now()
      try await eventually("all are placed", within: .seconds(60)) {
        try await client.list(.pods, fieldSelector: "spec.nodeName=").items.isEmpty
      }
      let end: MonotonicTime = SystemClock().now()
      print(
        "1,000 pods created in \((created - began).inMilliseconds) ms, all placed on 100 nodes after \((end - began).inMilliseconds) ms")
      let pods: [KubeObject] = try await client.list(.pods).items
      let perNode: [String: Int] = Dictionary(grouping: pods) { $0.spec["nodeName"].string ?? "" }.mapValues(\.count)
      #expect(pods.count == 1000 && perNode.count == 100 && (perNode.values.max() ?? 0) <= 11)
      #expect(scheduler.pending == (0, 0, 0))
    }
  }
}
