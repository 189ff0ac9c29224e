import KubeClient
import KubeModel
import Logging
import Metrics
import NIOCore
import NIOPosix
import Observability
import Primitives
import Synchronization

/// Runs the pods that are bound to this host. Everything that it makes outlives it: a kubelet that ends leaves its pods running, and the
/// next one adopts them.
public final class Kubelet: Sendable {
  public let configuration: KubeletConfiguration
  private let client: KubeClient
  private let runtime: any ContainerRuntime
  private let clock: any TimeSource
  private let fenceSignal: FenceSignal?
  private let fenceState: Mutex<FenceState>
  private let toldPositions: Mutex<FencePositions?> = Mutex(nil)
  /// Nil where no center ever has to give way.
  private let fenceRecord: FenceRecord?
  private let warm: WarmKeeper?
  private let context: WorkerContext
  private let manager: PodManager
  private let node: NodeKeeper
  private let images: ImageKeeper
  private let pods: Informer
  private let services: Informer
  private let jobs = JobRunner()
  private let lastObserved = LastAnswer()
  private let logger = Logger(label: "kubelet")

  /// `fence`: nil means that no center ever has to give way (a cluster of one center, tests). `standing`: nil prepares nothing for `warm`
  /// workloads. `runtime` replaces what the
  /// configuration names, `clock` the host's.
  public init(
    client: KubeClient, configuration: KubeletConfiguration, health: HealthRegistry = HealthRegistry(), fence: FenceSignal? = nil,
    standing: (@Sendable () -> CenterStanding)? = nil, runtime: (any ContainerRuntime)? = nil, prober: (any Prober)? = nil,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, clock: any TimeSource = SystemClock()
  ) throws {
    self.client = client
    self.configuration = configuration
    self.clock = clock
    fenceSignal = fence
    let facts: HostFacts = HostFacts.read()
    fenceRecord = fence == nil ? nil : FenceRecord(path: "\(configuration.rootDirectory)/fence", bootID: facts.bootID)
    var state = FenceState(now: clock.now(), kept: fenceRecord?.kept ?? FenceDeadlines())
    if fence == nil { _ = state.on(.open(until: MonotonicTime(nanoseconds: .max)), now: clock.now()) }
    fenceState = Mutex(state)
    if let runtime {
      self.runtime = runtime
    } else {
      switch configuration.runtime {
      case .containerd(let socket): self.runtime = CRIRuntime(socket: socket, group: group)
      case .simulated(let latency): self.runtime = try SimulatedRuntime(podCIDR: configuration.podCIDR, startLatency: latency, clock: clock)
      }
    }
    pods = Informer(client: client, resource: .pods, fieldSelector: "spec.nodeName=\(configuration.hostName)", indexes: [.uid])
    services = Informer(client: client, resource: .services)
    let services: Informer = services
    let engine: any ContainerRuntime = self.runtime
    warm = standing.map { WarmKeeper(client: client, runtime: engine, settings: configuration, clock: clock, standing: $0) }
    context = WorkerContext(
      client: client, runtime: self.runtime, configuration: configuration, clock: clock,
      recorder: EventRecorder(client: client, component: "kubelet", host: configuration.hostName.value),
      references: ClientReferences(client: client, clock: clock), services: { services.cache.all },
      resources: ResourceReference(hostMilliCPU: Int64(facts.processors) * 1_000, hostMemoryBytes: facts.memoryBytes),
      prober: prober ?? NetworkProber(group: group), jobs: jobs, warm: warm)
    manager = PodManager(context: context, observer: RuntimeObserver(runtime: self.runtime, clock: clock), fence: state.positions)
    let manager: PodManager = manager
    node = NodeKeeper(
      client: client, configuration: configuration, facts: facts, runtime: self.runtime, clock: clock,
      fenced: { await manager.fenceReason })
    images = ImageKeeper(
      runtime: self.runtime, client: client, references: context.references, clock: clock, recorder: context.recorder,
      node: configuration.hostName.value, pulls: standing.map { standing in { @Sendable in standing() != .active } },
      thresholds: .init(high: configuration.imageHighThreshold, low: configuration.imageLowThreshold))
    registerHealth(health)
  }

  private func registerHealth(_ health: HealthRegistry) {
    health.register("kubelet-pods-synced") { [pods] in pods.hasSynced ? nil : "the pods of this host have not been listed yet" }
    health.register("kubelet-runtime") { [lastObserved, clock] in
      guard let last: MonotonicTime = lastObserved.at else { return "the container runtime has not answered yet" }
      let age: Duration = clock.now() - last
      return age < .seconds(30) ? nil : "the container runtime has not answered for \(age.components.seconds) s"
    }
  }

  /// Runs until its task is cancelled. Once per kubelet.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // The fence waits for nobody: neither runtime nor apiserver need answer.
      group.addTask { await self.keepFence() }
      if let signal: FenceSignal = fenceSignal { group.addTask { await self.follow(signal) } }
      group.addTask { try await self.jobs.run() }
      group.addTask { try await self.work() }
      defer { group.cancelAll() }
      try await group.next()
      try Task.checkCancellation()
    }
  }

  private func work() async throws {
    try Files.makeDirectory(configuration.rootDirectory, mode: 0o755)
    // What runs is known before pods are looked at: nothing is started a second time.
    await observeFirst()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.pods.run() }
      group.addTask { await self.services.run() }
      group.addTask { try await self.node.keepStatus() }
      group.addTask { try await self.node.keepLease() }
      group.addTask { await self.watchPods() }
      group.addTask { await self.observe() }
      group.addTask { await self.rotateLogs() }
      if let warm: WarmKeeper { group.addTask { await warm.run() } }
      if !self.runtime.isSimulated { group.addTask { await self.images.run() } }
      defer { group.cancelAll() }
      try await group.next()
      try Task.checkCancellation()
    }
  }

  private func observeFirst() async {
    var told: Bool = false
    while !Task.isCancelled {
      do {
        _ = try await manager.observe()
        lastObserved.set(clock.now())
        return
      } catch {
        if !told { logger.warning("waiting for the container runtime: \(error)") }
        told = true
        try? await Task.sleep(for: KubeletLimits.observeBusy)
      }
    }
  }

  /// Services first, so that no container starts without its variables. One change after the other, in the API's order.
  private func watchPods() async {
    try? await services.waitUntilSynced()
    let changes = PodChanges()
    pods.addHandler(
      InformerHandlers(
        onAdd: { changes.add(.desired($0)) }, onUpdate: { changes.add(.desired($1)) }, onDelete: { changes.add(.gone($0.uid)) }))
    try? await pods.waitUntilSynced()
    guard !Task.isCancelled else { return }
    // Workers for all pods of the first list exist before anything is called an orphan.
    for pod in pods.cache.all { await manager.desired(pod) }
    await manager.apiSynced()
    for await _ in changes.bell {
      let taken: PodChanges.Taken = changes.take()
      if taken.lost {
        logger.warning("more than \(KubeletLimits.queuedChanges) changes of pods were waiting; all pods are looked at instead")
        await manager.relisted(pods.cache.all)
      }
      for change in taken.changes {
        switch change {
        case .desired(let pod): await manager.desired(pod)
        case .gone(let uid): await manager.gone(uid)
        }
      }
    }
  }

  private func observe() async {
    var calmSteps: Int = 0
    let calmEvery: Int = Int(KubeletLimits.observeCalm.inNanoseconds / KubeletLimits.observeBusy.inNanoseconds)
    var busy: Bool = true
    while !Task.isCancelled {
      calmSteps += 1
      if busy || calmSteps >= calmEvery {
        calmSteps = 0
        do {
          busy = try await manager.observe()
          lastObserved.set(clock.now())
        } catch {
          busy = true
          logger.debug("the container runtime was not observed: \(error)")
        }
      } else if await manager.isBusy() {
        busy = true
      }
      try? await Task.sleep(for: KubeletLimits.observeBusy)
    }
  }

  private func rotateLogs() async {
    let limits = LogRotation.Limits(bytes: configuration.containerLogMaxBytes, files: configuration.containerLogMaxFiles)
    let rotator = LogRotator(runtime: runtime, rotation: LogRotation(limits: limits), clock: clock)
    while !Task.isCancelled {
      try? await Task.sleep(for: KubeletLimits.logsEvery)
      for log in await manager.runningLogs() where !Task.isCancelled { await rotator.look(at: log.path, container: log.container) }
    }
  }

  // MARK: Fence

  /// Exclusive pods are killed at once (SIGKILL, no grace); returns when none that is known has a process left, or after
  /// `KubeletLimits.fenceWait`.
  /// - Parameter version: of the activation record that says so: what older ones said and comes late opens nothing.
  public func fence(reason: String, version: UInt64 = 0) async {
    fenceState.withLock { $0.fence(nil, reason: reason, version: version) }
    await turnFence()
    keepRecord()
    await manager.quiet()
  }

  /// Exclusive pods may run until told otherwise. With a `FenceSignal`, its next event decides again.
  public func unfence() async {
    fenceState.withLock { _ = $0.on(.open(until: MonotonicTime(nanoseconds: .max)), now: clock.now()) }
    await turnFence()
  }

  /// Exclusive pods that have a container running or starting here: what the federation's node agent reports by. Nil: it is not known.
  /// The runtime or the API has not been heard yet, or a kubelet that started now would still let them run.
  /// - Parameter spared: namespaces that are not counted.
  public func exclusivePods(besides spared: Set<String> = []) async -> Int? {
    if fenceReason != nil, let until: MonotonicTime = fenceRecord?.until, until > clock.now() { return nil }
    return await manager.exclusivePods { !spared.contains($0 ?? "") }
  }
  /// The same of one namespace.
  public func exclusivePods(of namespace: String) async -> Int? {
    let now: MonotonicTime = clock.now()
    if let kept: FenceDeadlines = fenceRecord?.kept, let until: MonotonicTime = kept.namespaces[namespace] ?? kept.general, until > now {
      return nil
    }
    // A pod of which nobody knows the namespace may be of this one.
    return await manager.exclusivePods { $0 == nil || $0 == namespace }
  }

  /// The exclusive pods of one namespace are killed at once, whatever stands for the others; until the next event decides again.
  public func fence(namespace: String, reason: String, version: UInt64 = 0) async {
    fenceState.withLock { $0.fence(namespace, reason: reason, version: version) }
    await turnFence()
    keepRecord()
    await manager.quiet(namespace: namespace)
  }

  public var fenceReason: String? { fenceState.withLock { $0.reason } }

  private func turnFence() async {
    let positions: FencePositions = fenceState.withLock { $0.positions }
    let before: FencePositions? = toldPositions.withLock { told in
      defer { told = positions }
      return told
    }
    if positions.general != before?.general, let reason: String = positions.general.reason {
      logger.warning("fenced: exclusive pods are killed", metadata: ["reason": "\(reason)"])
    }
    for (namespace, position) in positions.namespaces.sorted(by: { $0.key < $1.key }) where position != before?.namespaces[namespace] {
      guard let reason: String = position.reason else { continue }
      logger.warning("fenced: exclusive pods of \(namespace) are killed", metadata: ["reason": "\(reason)"])
    }
    await manager.turnFence { self.fenceState.withLock { $0.positions } }
  }

  /// After the kill: a disk that hangs must not hold it up.
  private func keepRecord() {
    guard let fenceRecord, !fenceRecord.keep({ fenceState.withLock { $0.kept } }) else { return }
    logger.warning("\(fenceRecord.path) cannot be written: the next kubelet goes by what stands in it, or fences at once")
  }

  private func follow(_ signal: FenceSignal) async {
    for await event in signal.events {
      let now: MonotonicTime = clock.now()
      if fenceState.withLock({ $0.on(event, now: now) }) { await turnFence() }
      keepRecord()
    }
  }

  /// Sleeps to the deadline that stands, then looks again: renewals move it on without waking anybody. While the fence is up, what runs
  /// all the same is killed.
  private func keepFence() async {
    await turnFence()
    while !Task.isCancelled {
      let now: MonotonicTime = clock.now()
      if fenceState.withLock({ $0.onTick(now: now) }) {
        await turnFence()
        continue
      }
      await manager.enforceFence()
      let left: Duration = fenceState.withLock { $0.deadline }.map { $0 - now } ?? KubeletLimits.fenceAgain
      try? await ContinuousClock().sleep(for: min(max(left, .milliseconds(1)), KubeletLimits.fenceAgain))
    }
  }

  // MARK: For the kubelet's own server

  func podList() async -> [KubeObject] { await manager.pods() }
  var isRuntimeSimulated: Bool { runtime.isSimulated }
  /// The running container's id in the runtime; nil while none runs.
  func containerID(namespace: String, pod: String, container: String) async -> String? {
    await manager.worker(namespace: namespace, name: pod)?.runningContainer(container)
  }
  func worker(namespace: String, pod: String) async -> PodWorker? { await manager.worker(namespace: namespace, name: pod) }
  var containerRuntime: any ContainerRuntime { runtime }
  func logFile(namespace: String, pod: String, container: String, previous: Bool) async -> String? {
    await manager.worker(namespace: namespace, name: pod)?.logFile(container, previous: previous)
  }
}

/// When the runtime last answered: shared with the health check, which outlives `init`.
private final class LastAnswer: Sendable {
  private let value: Mutex<MonotonicTime?> = Mutex(nil)
  var at: MonotonicTime? { value.withLock { $0 } }
  func set(_ time: MonotonicTime) { value.withLock { $0 = time } }
}
