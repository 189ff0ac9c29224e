import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives

/// All controllers of a cluster in one process. Informers run from the start, on standbys too, so that a center that becomes active
/// begins with warm caches and full queues; the controllers work while the lease is held.
public final class ControllerManager: Sendable {
  private let configuration: ControllerConfiguration
  private let informers: SharedInformers
  private let reconcilers: [any Reconciler]
  private let collector: GarbageCollector
  private let elector: LeaderElector?
  private let logger = Logger(label: "controllers")

  public init(client: KubeClient, configuration: ControllerConfiguration = ControllerConfiguration()) {
    self.configuration = configuration
    informers = SharedInformers(client: client)
    let environment = ControllerEnvironment(
      client: client, informers: informers,
      events: EventRecorder(client: client, component: "controller-manager", clock: configuration.clock),
      clock: configuration.clock)
    collector = GarbageCollector(environment, discoveryPeriod: configuration.discoveryPeriod)
    var rate = EvictionRate.Settings()
    rate.perSecond = configuration.evictionRate
    reconcilers = [
      DeploymentController(environment), ReplicaSetController(environment), EndpointSliceController(environment),
      NamespaceController(environment), ServiceAccountController(environment), collector,
      PodCleanupController(
        environment, terminatedThreshold: configuration.terminatedPods, period: configuration.podCleanupPeriod,
        quarantine: configuration.missingNodeQuarantine),
      NodeHealthController(
        environment, settings: .init(grace: configuration.nodeGrace, startupGrace: configuration.nodeStartupGrace), rate: rate),
    ]
    elector = configuration.leaderElection.map { LeaderElector(client: client, configuration: $0, clock: configuration.clock) }
    let informers: SharedInformers = informers
    configuration.health?.register("controller-manager") {
      informers.hasSynced ? nil : "the controllers' informers have not seen a whole list yet: is the apiserver reachable?"
    }
  }

  /// Controllers work in this process now.
  public var isLeader: Bool { elector?.isLeader ?? true }

  /// Runs until its task is cancelled.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.informers.run() }
      group.addTask { await self.collector.observe() }
      group.addTask {
        try await self.informers.waitUntilSynced()
        guard let elector: LeaderElector = self.elector else { return await self.work() }
        try await elector.run { await self.work() }
      }
      try await group.next()
      group.cancelAll()
      try await group.waitForAll()
    }
    try Task.checkCancellation()
  }

  private func work() async {
    let leading = Gauge(label: "controllers_leading")
    leading.record(1)
    defer { leading.record(0) }
    logger.info("controllers start", metadata: ["count": "\(reconcilers.count)"])
    await withTaskGroup(of: Void.self) { group in
      for reconciler in reconcilers {
        // What happened before, while another process led, is looked at once by whoever leads now.
        group.addTask { await reconciler.run(workers: self.configuration.workers) }
      }
      await group.waitForAll()
    }
    logger.info("controllers stop")
  }
}
