import APIServer
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Logging
import Primitives
import TLS
import Testing

@testable import Kubelet

/// An apiserver on a keyspace in this process, with a person and a node that talk to it.
struct TestCluster: Sendable {
  struct Late: Error, CustomStringConvertible { var description: String }

  let server: APIServer
  let admin: KubeClient
  let node: KubeClient

  init(kubeletTLS: TLSContext? = nil) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var configuration = APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1, logger: logger)
    configuration.kubeletTLS = kubeletTLS
    let server = APIServer(configuration: configuration, store: LocalKeyspace())
    try await server.start()
    self.server = server
    let client: @Sendable (PeerIdentity) -> KubeClient = { peer in
      KubeClient(transport: InProcessTransport(responder: server, peer: peer), fieldManager: "test")
    }
    admin = client(PeerIdentity(commonName: "admin", organizations: ["system:masters"]))
    node = client(PeerIdentity(commonName: "system:node:prod-1", organizations: ["system:nodes"]))
    _ = try await admin.create(.namespaces, KubeObject(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]]))
  }

  /// Runs a kubelet around `body`; its pods are left as they are.
  func withKubelet(_ kubelet: Kubelet, _ body: () async throws -> Void) async throws {
    let running = Task { try await kubelet.run() }
    do { try await body() } catch {
      running.cancel()
      _ = await running.result
      throw error
    }
    running.cancel()
    _ = await running.result
  }

  /// The pod once `condition` holds; looks every 5 ms. nil stands for "gone".
  @discardableResult
  func pod(_ name: String, within seconds: Double = 15, _ what: String, _ condition: (KubeObject?) -> Bool) async throws -> KubeObject? {
    let end: ContinuousClock.Instant = .now + .milliseconds(Int64(seconds * 1_000))
    var last: KubeObject?
    repeat {
      last = try await admin.find(.pods, namespace: "shop", name: name)
      if condition(last) { return last }
      try await Task.sleep(for: .milliseconds(5))
    } while .now < end
    throw Late(description: "\(name) is not \(what) after \(seconds) s: \(last.map { $0.status.serialized().text } ?? "gone")")
  }

  static func isReady(_ pod: KubeObject?) -> Bool {
    pod?.status["conditions"].array.contains { $0["type"].string == "Ready" && $0["status"].string == "True" } ?? false
  }

  /// A pod that is bound to prod-1 already.
  static func pod(_ name: String, hot: Bool = false, _ change: (inout JSONValue) -> Void = { _ in }) -> KubeObject {
    var pod = KubeObject([
      "apiVersion": "v1", "kind": "Pod",
      "metadata": ["name": .string(name), "namespace": "shop", "labels": ["app": "web", "topology.kubernetes.io/zone": "production"]],
      "spec": [
        "nodeName": "prod-1", "terminationGracePeriodSeconds": 5,
        "containers": [
          [
            "name": "web", "image": "tricenter.local/web:1", "imagePullPolicy": "IfNotPresent",
            "ports": [["name": "http", "containerPort": 8080]],
            "env": [
              ["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]],
              ["name": "NODE_NAME", "valueFrom": ["fieldRef": ["fieldPath": "spec.nodeName"]]],
              ["name": "CENTER", "valueFrom": ["fieldRef": ["fieldPath": "metadata.labels['topology.kubernetes.io/zone']"]]],
            ],
            "readinessProbe": ["httpGet": ["port": "http", "path": "/"], "periodSeconds": 1],
          ]
        ],
      ],
    ])
    if hot { pod.metadata["annotations"] = ["federation.tricenter.io/tier": "hot"] }
    change(&pod.json)
    return pod
  }
}
