import KubeClient
import KubeModel
import Primitives
import Testing

@testable import Controllers

/// The controllers together on a real apiserver.
@Suite(.serialized) struct WholeWayTests {
  let namespace = KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]])
  func deployment(image: String = "web:1", replicas: Int64 = 3) -> KubeObject {
    KubeObject([
      "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "web", "namespace": "shop"],
      "spec": [
        "replicas": .int(replicas), "selector": ["matchLabels": ["app": "web"]],
        "template": ["metadata": ["labels": ["app": "web"]], "spec": ["containers": [["name": "web", "image": .string(image)]]]],
      ],
    ])
  }
  let service = KubeObject([
    "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web", "namespace": "shop"],
    "spec": ["selector": ["app": "web"], "ports": [["name": "http", "port": 80, "targetPort": 8080]]],
  ])

  static func readyAddresses(_ client: KubeClient) async throws -> [String] {
    let slices: KubeList = try await client.list(.endpointSlices, namespace: "shop", labelSelector: "kubernetes.io/service-name=web")
    return slices.items.flatMap { $0["endpoints"].array }.filter { $0["conditions"]["ready"].bool == true }
      .compactMap { $0["nodeName"].string }
  }

  static func isRolledOut(_ client: KubeClient, replicas: Int64) async throws -> Bool {
    let web: KubeObject = try await client.get(.deployments, namespace: "shop", name: "web")
    return web.status["observedGeneration"].int == web.generation && web.status["updatedReplicas"].int == replicas
      && web.status["availableReplicas"].int == replicas && web.status["replicas"].int == replicas
      && web.status["unavailableReplicas"].isNull
      && web.status["conditions"].array.contains { $0["reason"] == "NewReplicaSetAvailable" }
  }

  @Test func `a Deployment rolls out, scales, rolls back, and goes with all that it owns`() async throws {
    let cluster = RealCluster()
    try await cluster.run { client in
      _ = try await client.create(.namespaces, namespace)
      _ = try await client.create(.deployments, deployment())
      _ = try await client.create(.services, service)
      try await eventually("three pods serve") {
        let serving: Int = try await Self.readyAddresses(client).count
        return try await Self.isRolledOut(client, replicas: 3) && serving == 3
      }
      try await eventually("the default account is there") {
        try await client.find(.serviceAccounts, namespace: "shop", name: "default") != nil
      }
      // A new image: never fewer than 3 available, never more than 4 pods.
      _ = try await client.patch(
        .deployments, namespace: "shop", name: "web", type: .json,
        [["op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:2"]])
      try await eventually("web:2 everywhere") {
        let pods: [KubeObject] = try await client.list(.pods, namespace: "shop").items
        #expect(pods.count { !$0.isBeingDeleted } <= 4)
        #expect(pods.count { $0.isReadyPod && !$0.isBeingDeleted } >= 3 || pods.isEmpty)
        let rolledOut: Bool = try await Self.isRolledOut(client, replicas: 3)
        return rolledOut && pods.allSatisfy { $0.spec["containers"][0]["image"] == "web:2" } && pods.count == 3
      }
      let web: KubeObject = try await client.get(.deployments, namespace: "shop", name: "web")
      #expect(web.annotations["deployment.kubernetes.io/revision"] == "2")
      // Back to the first template.
      _ = try await client.patch(
        .deployments, namespace: "shop", name: "web", type: .strategic,
        ["spec": ["replicas": 5, "template": ["spec": ["containers": [["name": "web", "image": "web:1"]]]]]])
      try await eventually("five of web:1") {
        let serving: Int = try await Self.readyAddresses(client).count
        return try await Self.isRolledOut(client, replicas: 5) && serving == 5
      }
      let sets: [KubeObject] = try await client.list(.replicaSets, namespace: "shop").items
      #expect(sets.count == 2)
      #expect(sets.first { $0.specReplicas == 5 }?.annotations["deployment.kubernetes.io/revision-history"] == "1")
      #expect(try await client.get(.endpoints, namespace: "shop", name: "web")["subsets"][0]["addresses"].array.count == 5)
      // Deleted in the background: sets and pods follow.
      try await client.delete(.deployments, namespace: "shop", name: "web", options: DeleteOptions(propagation: .background))
      try await eventually("nothing is left") {
        let sets: Int = try await client.list(.replicaSets, namespace: "shop").items.count
        let pods: Int = try await client.list(.pods, namespace: "shop").items.count
        return sets == 0 && pods == 0
      }
      try await eventually("the slice is empty") { try await Self.readyAddresses(client).isEmpty }
    }
  }

  @Test func `pods of a fenced center leave the slices at once and are replaced elsewhere`() async throws {
    let cluster = RealCluster()
    try await cluster.run { client in
      _ = try await client.create(.namespaces, namespace)
      _ = try await client.create(.deployments, deployment())
      _ = try await client.create(.services, service)
      // The stand-in binds to the first node by name: ldr-1.
      try await eventually("three pods serve") { try await Self.readyAddresses(client) == ["ldr-1", "ldr-1", "ldr-1"] }
      let before: MonotonicTime = SystemClock().now()
      _ = try await client.patch(
        .nodes, name: "ldr-1", type: .merge,
        ["spec": ["taints": [["key": "federation.tricenter.io/fenced", "value": "2", "effect": "NoExecute"]]]])
      try await eventually("the slices forget ldr-1", within: .seconds(3)) {
        try await !Self.readyAddresses(client).contains("ldr-1")
      }
      let gone: Duration = SystemClock().now() - before
      try await eventually("production serves") { try await Self.readyAddresses(client) == ["prod-1", "prod-1", "prod-1"] }
      print("fenced endpoints left after \(gone.inMilliseconds) ms, replaced after \((SystemClock().now() - before).inMilliseconds) ms")
      #expect(try await client.list(.pods, namespace: "shop").items.allSatisfy { $0.nodeName == "prod-1" })
    }
  }

  @Test func `a namespace goes with its content, foreground and orphan deletions do what they say`() async throws {
    let cluster = RealCluster()
    try await cluster.run { client in
      _ = try await client.create(.namespaces, namespace)
      _ = try await client.create(.deployments, deployment(replicas: 2))
      try await eventually("two pods") { try await Self.isRolledOut(client, replicas: 2) }
      try await client.delete(.deployments, namespace: "shop", name: "web", options: DeleteOptions(propagation: .orphan))
      try await eventually("the Deployment is gone") { try await client.find(.deployments, namespace: "shop", name: "web") == nil }
      let orphans: [KubeObject] = try await client.list(.replicaSets, namespace: "shop").items
      #expect(orphans.count == 1 && orphans[0].ownerReferences.isEmpty)
      #expect(try await client.list(.pods, namespace: "shop").items.count == 2)
      // The same Deployment adopts them again.
      _ = try await client.create(.deployments, deployment(replicas: 2))
      try await eventually("adopted") {
        try await client.list(.replicaSets, namespace: "shop").items.allSatisfy { $0.controllerReference?["kind"] == "Deployment" }
      }
      try await client.delete(.deployments, namespace: "shop", name: "web", options: DeleteOptions(propagation: .foreground))
      try await eventually("gone from the leaves up") {
        let web: KubeObject? = try await client.find(.deployments, namespace: "shop", name: "web")
        let pods: Int = try await client.list(.pods, namespace: "shop").items.count
        if web == nil { #expect(pods == 0) }
        return web == nil
      }
      _ = try await client.create(.deployments, deployment(replicas: 2))
      _ = try await client.create(
        .configMaps, KubeObject(["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c", "namespace": "shop"]]))
      try await client.delete(.namespaces, name: "shop")
      try await eventually("the namespace is gone") { try await client.find(.namespaces, name: "shop") == nil }
      #expect(try await client.list(.pods).items.isEmpty)
    }
  }

  @Test func `a silent node is tainted and left, one that speaks is not`() async throws {
    let cluster = RealCluster()
    let configuration = ControllerConfiguration(
      nodeGrace: .milliseconds(900), nodeStartupGrace: .milliseconds(900), evictionRate: 100, podCleanupPeriod: .milliseconds(200))
    try await cluster.run(configuration) { client in
      @Sendable func renew(_ node: String) async throws {
        let time: JSONValue = .string(SystemClock().wall().rfc3339Micro)
        if try await client.find(.leases, namespace: "kube-node-lease", name: node) == nil {
          _ = try await client.create(
            .leases,
            KubeObject([
              "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
              "metadata": ["name": .string(node), "namespace": "kube-node-lease"], "spec": ["renewTime": time],
            ]))
        } else {
          _ = try await client.patch(.leases, namespace: "kube-node-lease", name: node, type: .merge, ["spec": ["renewTime": time]])
        }
      }
      for node in ["prod-1", "prod-2", "ldr-1"] { try await renew(node) }
      try await eventually("ldr-1 is unreachable") {
        for node in ["prod-1", "prod-2"] { try await renew(node) }
        return try await client.get(.nodes, name: "ldr-1").taints.contains { $0.key == Taint.unreachable && $0.effect == "NoExecute" }
      }
      #expect(try await client.get(.nodes, name: "ldr-1").condition("Ready")?["status"] == "Unknown")
      for node in ["prod-1", "prod-2"] {
        #expect(try await client.get(.nodes, name: node).taints.isEmpty)
      }
    }
  }
}
