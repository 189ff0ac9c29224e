import KubeClient
import KubeModel
import Logging
import Metrics
import Observability
import Primitives
import Site

/// The federation daemon of one host: renews its center's activation or takes over, and while its center is active carries out what the
/// activation means: fences the nodes of other centers, replaces what ran there, keeps Center and Cluster objects up to date.
public actor FederationController {
  public struct Configuration: Sendable {
    public var site: Site
    public var cluster: ClusterPlan
    public var center: CenterName
    public var host: HostName
    /// Between two looks at what people ask for, and when something is due.
    public var tick: Duration = .milliseconds(100)
    public var dueTick: Duration = .milliseconds(20)
    public var enforceEvery: Duration = .milliseconds(500)
    /// How often a center that gives way looks who of it has stopped.
    public var handoverLook: Duration = .milliseconds(50)

    public init(site: Site, cluster: ClusterPlan, center: CenterName, host: HostName) {
      self.site = site
      self.cluster = cluster
      self.center = center
      self.host = host
    }
  }

  let client: KubeClient
  private let observer: ActivationObserver
  let configuration: Configuration
  let clock: any TimeSource
  let logger: Logger
  let nodes: Informer
  let pods: Informer
  let clusters: Informer
  let centers: Informer
  let failovers: Informer
  private(set) var instance: ActivationInstance
  private var lastEnforcedEpoch: Int64 = 0
  private var enforceDue = MonotonicTime(nanoseconds: 0)
  var isEnforcing: Bool = false
  /// The epochs for which this daemon has said that it stopped, and found that everybody of its center did.
  var controlYieldedEpoch: Int64 = 0
  var stoppedEpoch: Int64 = 0
  var isReportingYield: Bool = false
  var yieldReportDue = MonotonicTime(nanoseconds: 0)
  var requests = FailoverRequests()
  /// The newest epoch whose Failover is known to have been written.
  var recordedEpoch: Int64 = 0
  private let epochGauge: Gauge
  private let activeGauge: Gauge
  private let renewals: Counter
  private let takeovers: Counter

  /// `observer`: of this process, run by the caller; what it finds is what this daemon decides by.
  public init(client: KubeClient, observer: ActivationObserver, configuration: Configuration, clock: any TimeSource = SystemClock()) {
    var client: KubeClient = client
    client.followsRetryAfter = false
    client.requestTimeout = .milliseconds(1_000)
    self.client = client
    self.observer = observer
    self.configuration = configuration
    self.clock = clock
    var logger = Logger(label: "federation")
    logger[metadataKey: "center"] = "\(configuration.center)"
    logger[metadataKey: "cluster"] = "\(configuration.cluster.name)"
    self.logger = logger
    nodes = Informer(client: client, resource: .nodes)
    pods = Informer(client: client, resource: .pods)
    clusters = Informer(client: client, resource: .clusters)
    centers = Informer(client: client, resource: .centers)
    failovers = Informer(client: client, resource: .failovers)
    let hosts: [Host] = configuration.site.center(configuration.center)?.hosts ?? []
    let policy: ActivationPolicy = configuration.site.activation
    instance = ActivationInstance(
      .init(
        cluster: configuration.cluster.name, center: configuration.center, order: configuration.cluster.order,
        automaticTo: configuration.cluster.automaticTo, lease: policy.lease, renewEvery: policy.renewEvery, margin: policy.margin,
        hostIndex: hosts.firstIndex { $0.name == configuration.host } ?? 0))
    let dimensions: [(String, String)] = [("cluster", configuration.cluster.name)]
    epochGauge = Gauge(label: "tricenter_activation_epoch", dimensions: dimensions)
    activeGauge = Gauge(label: "tricenter_activation_active", dimensions: dimensions)
    renewals = Counter(label: "tricenter_activation_renewals_total", dimensions: dimensions)
    takeovers = Counter(label: "tricenter_activation_takeovers_total", dimensions: dimensions)
  }

  public var view: ActivationView { instance.view }

  /// Runs until its task is cancelled.
  public func run() async {
    await withDiscardingTaskGroup { group in
      for informer in [nodes, pods, clusters, centers, failovers] { group.addTask { await informer.run() } }
      group.addTask { await self.follow(self.observer.findings()) }
      group.addTask { await self.tickLoop() }
    }
  }

  private func follow(_ findings: AsyncStream<ActivationFinding>) async {
    for await finding in findings {
      switch finding {
      case .read(let record, let began, let finished): instance.onRead(record, began: began, finished: finished)
      case .watched(let record, let time): instance.onWatched(record, at: time)
      }
      tellMetrics()
      // A handover waits for nobody's tick.
      if instance.view.record?.handover != nil { tick() }
    }
  }

  private func tellMetrics() {
    epochGauge.record(instance.view.record?.epoch ?? 0)
    activeGauge.record(instance.view.isActive(configuration.center, at: clock.now()) ? 1 : 0)
  }

  private func tickLoop() async {
    while !Task.isCancelled {
      tick()
      let now: MonotonicTime = clock.now()
      let quiet: Duration = instance.quietUntil(now) - now
      try? await Task.sleep(for: min(max(quiet, configuration.dueTick), configuration.tick))
    }
  }

  private func tick() {
    let planned: (name: String, to: CenterName)? = plannedMove()
    let surroundings = surroundings(instance.view.record, planned: planned)
    for directive in instance.onTick(clock.now(), surroundings, obstacles: obstacles()) {
      switch directive {
      case .refused(let reason): logger.warning("nothing is taken over: \(reason)")
      case .write(let record, let purpose): Task { await self.write(record, purpose) }
      }
    }
    startJudging(blocking: planned.map { ($0.name, surroundings.plannedObstacles) })
    startEnforcing()
  }

  /// The newest planned Failover that was accepted under the activation in force and waits for its source to give way. An older one that
  /// waits still could not be carried out: people may have asked for another target since.
  private func plannedMove() -> (name: String, to: CenterName)? {
    guard let record: ActivationRecord = instance.view.record else { return nil }
    let waiting: [KubeObject] = failovers.cache.all.filter { FailoverVerdict.isWaiting($0, record, order: configuration.cluster.order) }
    let newest: KubeObject? = waiting.max { one, other in
      (one.metadata["creationTimestamp"].string ?? "", one.name) < (other.metadata["creationTimestamp"].string ?? "", other.name)
    }
    return newest.flatMap { failover in failover.spec["to"].string.map { (failover.name, CenterName($0)) } }
  }

  /// The Failover that brought the activation in force about.
  func currentFailover(_ record: ActivationRecord) -> KubeObject? {
    failovers.cache.all.first { $0.status["epoch"].int == record.epoch && $0.spec["cluster"].string == record.cluster }
  }

  /// What stands against this center's taking over now.
  private func obstacles() -> [String] {
    guard nodes.hasSynced, pods.hasSynced else { return ["nodes and pods have not been read yet"] }
    var against: [String] = Capacity.obstacles(center: configuration.center.value, nodes: nodes.cache.all, pods: pods.cache.all)
    if clusters.cache.get(name: configuration.cluster.name)?.spec["paused"].bool == true {
      against.append("automatic failover of \(configuration.cluster.name) is suspended (spec.paused of the Cluster)")
    }
    if centers.cache.get(name: configuration.center.value)?.spec["paused"].bool == true {
      against.append("\(configuration.center) is kept from taking over (spec.paused of the Center)")
    }
    return against
  }

  private func write(_ record: ActivationRecord, _ purpose: ActivationInstance.Purpose) async {
    let began: MonotonicTime = clock.now()
    let silentFor: Duration = began - (instance.view.versionSeenAt ?? began)
    var written: ActivationRecord?
    do {
      let object: KubeObject = record.object(now: clock.wall())
      let answer: KubeObject = try await record.resourceVersion.isEmpty ? client.create(.leases, object) : client.update(.leases, object)
      written = try ActivationRecord(answer)
    } catch let error as KubeError where error.code == .conflict || error.code == .alreadyExists {
      // Another host was first; the next read shows what it wrote.
    } catch {
      logger.debug("activation cannot be written: \(error)")
    }
    instance.onWritten(written, began: began, finished: clock.now())
    guard let written else { return }
    observer.note(written)
    switch purpose {
    case .create: logger.info("first activation", metadata: ["epoch": "1"])
    case .restore:
      EventLog.shared.record("activation.restored", "deleted in epoch \(written.epoch - 1) or before; \(written.center) is next")
      logger.error("the activation record was deleted: nobody acts for a lease", metadata: ["epoch": "\(written.epoch)"])
    case .renew: renewals.increment()
    case .yield(let to):
      EventLog.shared.record("handover.yielded", "\(written.center) to \(to), epoch \(written.epoch)")
      logger.notice("gives way", metadata: ["to": "\(to)", "epoch": "\(written.epoch)"])
    case .release(let to):
      EventLog.shared.record("handover.released", "\(written.center) to \(to), epoch \(written.epoch)")
      logger.notice("everybody has stopped", metadata: ["to": "\(to)", "epoch": "\(written.epoch)"])
    case .takeOver(let from) where from == written.center:
      EventLog.shared.record("handover.withdrawn", "\(from) is active again, epoch \(written.epoch)")
      logger.warning("nobody took over: active again", metadata: ["epoch": "\(written.epoch)"])
      enforceDue = began
    case .takeOver(let from):
      takeovers.increment()
      EventLog.shared.record("activation.taken", "\(written.center) from \(from), epoch \(written.epoch)")
      logger.notice(
        "took over", metadata: ["from": "\(from)", "epoch": "\(written.epoch)", "silentFor": "\(silentFor.inNanoseconds / 1_000_000) ms"])
      enforceDue = began
      do {
        try await recordFailover(written, silentFor: silentFor)
      } catch let error as KubeError where error.code == .conflict || error.code == .alreadyExists {
        // The round that enforces was faster.
      } catch {
        logger.warning("the failover cannot be recorded, the next round tries again: \(error)")
      }
    }
  }

  /// At once after a change of epoch, then every now and then; one run at a time.
  private func startEnforcing() {
    let now: MonotonicTime = clock.now()
    guard !isEnforcing, let record: ActivationRecord = instance.view.record, record.center == configuration.center,
      instance.view.isActive(configuration.center, at: now), now >= enforceDue || record.epoch != lastEnforcedEpoch
    else { return }
    isEnforcing = true
    enforceDue = now + configuration.enforceEvery
    Task {
      await self.enforce(record)
      self.isEnforcing = false
      self.lastEnforcedEpoch = record.epoch
    }
  }
}
