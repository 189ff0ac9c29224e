import KubeClient
import KubeModel
import Logging
import Primitives

/// Keeps the Node object: registers it, tells its status when it changes and every so often, and renews its Lease, which is how
/// the node controller sees that this host lives. https://kubernetes.io/docs/concepts/architecture/nodes/#heartbeats
final class NodeKeeper: Sendable {
  private let client: KubeClient
  private let configuration: KubeletConfiguration
  private let builder: NodeBuilder
  private let runtime: any ContainerRuntime
  private let clock: any TimeSource
  private let fenced: @Sendable () async -> String?
  private let logger = Logger(label: "kubelet.node")

  init(
    client: KubeClient, configuration: KubeletConfiguration, facts: HostFacts, runtime: any ContainerRuntime, clock: any TimeSource,
    fenced: @escaping @Sendable () async -> String?
  ) {
    self.client = client
    self.configuration = configuration
    self.builder = NodeBuilder(configuration: configuration, facts: facts)
    self.runtime = runtime
    self.clock = clock
    self.fenced = fenced
  }

  private var name: String { configuration.hostName.value }

  /// Until it is there; returns the Node.
  func register() async throws -> KubeObject {
    while true {
      do {
        if let present: KubeObject = try await client.find(.nodes, name: name) {
          guard
            present.labels != present.labels.merging(builder.labels, uniquingKeysWith: { $1 })
              || present.spec["podCIDR"].string != configuration.podCIDR
              || present.annotations != present.annotations.merging(builder.annotations, uniquingKeysWith: { $1 })
          else { return present }
          return try await client.patch(.nodes, name: name, type: .merge, builder.adoption)
        }
        return try await client.create(.nodes, builder.object)
      } catch let error as KubeError where error.code == .alreadyExists {
        continue
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        logger.warning("the node is not registered yet: \(error)")
        try await Task.sleep(for: KubeletLimits.apiRetry)
      }
    }
  }

  /// Status at every change (looked at once a second) and every `statusEvery`. Re-registers a Node that somebody deleted.
  func keepStatus() async throws {
    var last: (health: NodeBuilder.Health, images: [ImageFacts])?
    var lastTold: MonotonicTime?
    var node: KubeObject = try await register()
    while !Task.isCancelled {
      let health: NodeBuilder.Health = await health()
      let images: [ImageFacts] = (try? await runtime.listImages()) ?? last?.images ?? []
      let now: MonotonicTime = clock.now()
      let changed: Bool = last?.health != health || last?.images != images
      if changed || lastTold.map({ now - $0 >= configuration.statusEvery }) ?? true {
        let version: String = (try? await runtime.version()) ?? node.status["nodeInfo"]["containerRuntimeVersion"].string ?? "unknown://0"
        let status: JSONValue = builder.status(
          health: health, images: images, runtimeVersion: version, before: node.status, now: clock.wall())
        do {
          node = try await client.patch(.nodes, name: name, type: .merge, ["status": status], subresource: "status")
          last = (health, images)
          lastTold = now
        } catch let error as KubeError where error.code == .notFound {
          node = try await register()
          continue
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          logger.warning("the node's status was not written: \(error)")
        }
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  private func health() async -> NodeBuilder.Health {
    var health = NodeBuilder.Health(fenced: await fenced())
    do {
      let status: RuntimeStatus = try await runtime.status()
      health.runtimeProblem = status.runtimeProblem.map { "container runtime is not ready: \($0)" }
      health.networkProblem = status.networkProblem.map { "container runtime network not ready: \($0)" }
    } catch {
      health.runtimeProblem = "container runtime is down: \((error as? KubeletError)?.message ?? "\(error)")"
    }
    let disk: (free: Int64, all: Int64) = HostFacts.disk(configuration.rootDirectory)
    // Upstream's default eviction threshold for nodefs: less than 10 % free.
    if disk.all > 0, disk.free * 10 < disk.all { health.diskProblem = "less than 10 % of \(configuration.rootDirectory) is free" }
    return health
  }

  /// The Lease in kube-node-lease.
  func keepLease() async throws {
    var lease: KubeObject?
    var lastWarning: MonotonicTime?
    while !Task.isCancelled {
      do {
        lease = try await renew(lease)
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        lease = nil  // read again: somebody may have changed it
        let now: MonotonicTime = clock.now()
        if lastWarning.map({ now - $0 > .seconds(10) }) ?? true {
          logger.warning("the node's lease was not renewed: \(error)")
          lastWarning = now
        }
      }
      try await Task.sleep(for: configuration.leaseEvery)
    }
  }

  private func renew(_ known: KubeObject?) async throws -> KubeObject {
    let namespace = "kube-node-lease"
    let seconds: Int64 = max(1, (configuration.leaseDuration.inNanoseconds + 999_999_999) / 1_000_000_000)
    var client: KubeClient = client
    client.requestTimeout = max(.seconds(1), configuration.leaseDuration)
    client.followsRetryAfter = false
    var lease: KubeObject
    if let known {
      lease = known
    } else if let present: KubeObject = try await client.find(.leases, namespace: namespace, name: name) {
      lease = present
    } else {
      lease = KubeObject([
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": [
          "name": .string(name), "namespace": .string(namespace), "labels": ["tricenter.io/center": .string(configuration.center.value)],
        ],
        "spec": ["holderIdentity": .string(name), "leaseDurationSeconds": .int(seconds), "renewTime": .string(clock.wall().rfc3339Micro)],
      ])
      return try await client.create(.leases, lease)
    }
    lease["spec"]["holderIdentity"] = .string(name)
    lease["spec"]["leaseDurationSeconds"] = .int(seconds)
    lease["spec"]["renewTime"] = .string(clock.wall().rfc3339Micro)
    return try await client.update(.leases, lease)
  }
}
