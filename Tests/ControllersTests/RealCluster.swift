import APIServer
import HTTP
import KubeClient
import KubeModel
import Keyspace
import Primitives
import Synchronization
import TLS
import Testing

@testable import Controllers

/// A real apiserver over a keyspace in memory, in this process, with the controllers on it. Pods are bound and run by a stand-in that
/// knows neither containers nor resources.
final class RealCluster: Sendable {
  let client: KubeClient
  private let server: APIServer
  private let address: Mutex<Int> = Mutex(1)
  private let store: LocalKeyspace

  init() {
    store = LocalKeyspace()
    server = APIServer(configuration: APIServerConfiguration(serviceRange: IPv4Range("10.96.0.0/16")!, seed: 1), store: store)
    client = KubeClient(
      transport: InProcessTransport(
        responder: server, peer: PeerIdentity(commonName: "admin", organizations: ["system:masters"], uris: [])), fieldManager: "test")
  }

  /// Runs controllers, kubelets and `body` until `body` is done.
  func run(
    _ configuration: ControllerConfiguration = ControllerConfiguration(), _ body: @escaping @Sendable (KubeClient) async throws -> Void
  ) async throws {
    try await server.start()
    for (name, center) in [("prod-1", "production"), ("prod-2", "production"), ("ldr-1", "local-dr")] {
      _ = try await client.create(
        .nodes,
        KubeObject([
          "apiVersion": "v1", "kind": "Node",
          "metadata": ["name": .string(name), "labels": ["topology.kubernetes.io/zone": .string(center)]],
          "status": ["conditions": [["type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok"]]],
        ]))
    }
    let manager = ControllerManager(client: client, configuration: configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await manager.run() }
      group.addTask { await self.kubelets() }
      group.addTask { try await body(self.client) }
      // Whatever ends first ends all: the body when it is done, or a failure.
      try await group.next()
      group.cancelAll()
      while (try? await group.next()) != nil {}
    }
    server.stop()
  }

  private func kubelets() async {
    let informers = SharedInformers(client: client)
    let pods: Informer = informers.informer(.pods)
    let nodes: Informer = informers.informer(.nodes)
    let queue = WorkQueue(name: "kubelets")
    pods.onChange { queue.add($0.key) }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await informers.run() }
      group.addTask {
        await queue.run(workers: 4) { key in
          guard let pod: KubeObject = pods.cache[key] else { return }
          if pod.isBeingDeleted {
            // The kubelet of a fenced center is dead: nobody ends its pods.
            if nodes.cache[pod.nodeName]?.isFencedNode == true { return }
            try? await self.client.delete(
              .pods, namespace: pod.namespace, name: pod.name, options: DeleteOptions(gracePeriodSeconds: 0, uid: pod.uid))
          } else if pod.nodeName.isEmpty {
            guard let node: KubeObject = nodes.cache.all.filter({ !$0.isFencedNode }).sorted(by: { $0.name < $1.name }).first else {
              return
            }
            _ = try await self.client.createSubresource(
              .pods, namespace: pod.namespace, name: pod.name, subresource: "binding",
              KubeObject([
                "apiVersion": "v1", "kind": "Binding", "metadata": ["name": .string(pod.name), "namespace": .string(pod.namespace)],
                "target": ["kind": "Node", "name": .string(node.name)],
              ]))
          } else if !pod.isReadyPod, pod.spec["containers"][0]["image"] != "broken" {
            var running: KubeObject = pod
            let ip: String = self.address.withLock { address in
              address += 1
              return "10.1.\(address / 250).\(address % 250 + 1)"
            }
            running.json["status"]["phase"] = "Running"
            running.json["status"]["podIP"] = .string(ip)
            running.json["status"]["podIPs"] = [["ip": .string(ip)]]
            running.json["status"]["conditions"] = [
              ["type": "Ready", "status": "True", "lastTransitionTime": .string(SystemClock().wall().rfc3339)]
            ]
            _ = try await self.client.update(.pods, running, subresource: "status")
          }
        }
      }
      await group.waitForAll()
    }
  }
}

/// Asks until the answer is yes; records what it was last if that takes longer than `limit`.
func eventually(
  _ what: String, within limit: Duration = .seconds(15), location: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let clock = SystemClock()
  let end: MonotonicTime = clock.now() + limit
  while clock.now() < end {
    if try await condition() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  Issue.record("did not happen within \(limit): \(what)", sourceLocation: location)
}
