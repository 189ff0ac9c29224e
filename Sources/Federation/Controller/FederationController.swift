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
    /// Asks the other centers' hosts for their role. Without it nobody is asked, and the activation's lease alone decides.
    public var peers: (any PeerProbe)?
    /// What this host tells of itself.
    public var reports = HostReports()

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
  let drills: Informer
  let gates: Informer
  let namespaces: Informer
  let vantages: Informer
  let heard = HeardVantages()
  let reporter: VantageReporter?
  let audit: DecisionLog
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
  var isEvaluating: Bool = false
  var evaluateDue = MonotonicTime(nanoseconds: 0)
  private var pruneDue = MonotonicTime(nanoseconds: 0)
  /// What was found last about the move that waits, and when.
  private var lastFindings: (failover: String, epoch: Int64, at: MonotonicTime, findings: [Finding])?
  /// The epoch for which this daemon has asked people for their word.
  var proposedEpoch: Int64 = 0
  /// The epoch of the store that this process knows, and when it saw that the store was recovered from the loss of its majority.
  private var storeEpoch: UInt64?
  private(set) var recoveredAt: MonotonicTime?
  /// Exclusive pods that a namespace had when it gave way, by its Failover: so many must run again.
  var leavingPods: [String: Int] = [:]
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
    drills = Informer(client: client, resource: .drills)
    gates = Informer(client: client, resource: .gates)
    namespaces = Informer(client: client, resource: .namespaces)
    vantages = Informer(client: client, resource: .vantages)
    let heard: HeardVantages = self.heard
    vantages.onChange { heard.note($0, at: clock.now()) }
    vantages.onDelete { heard.forget($0.name) }
    audit = DecisionLog(client: client, center: configuration.center, host: configuration.host, clock: clock, logger: logger)
    var others: [CenterName: [HostName]] = [:]
    for center in configuration.site.centers where center.name != configuration.center { others[center.name] = center.hosts.map(\.name) }
    let (watched, cluster): ([CenterName: [HostName]], String) = (others, configuration.cluster.name)
    reporter = configuration.peers.map { probe in
      VantageReporter(
        client: client, probe: probe, hosts: watched,
        as: VantageReport(name: configuration.host.value, cluster: cluster, center: configuration.center), reports: configuration.reports,
        clock: clock)
    }
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
      for informer in [nodes, pods, clusters, centers, failovers, drills, gates, namespaces, vantages] {
        group.addTask { await informer.run() }
      }
      group.addTask { await self.audit.run() }
      if let reporter = self.reporter { group.addTask { await reporter.run() } }
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
      // A handover waits for nobody's tick, nor does a takeover that waited for this read.
      if instance.view.record?.isMoving == true || instance.quietUntil(clock.now()) <= clock.now() { tick() }
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

  /// Before anything is decided: an answer of the recovered store comes after its new epoch is told.
  private func noteRecovery() {
    guard let epoch: UInt64 = configuration.reports.store()?.epoch else { return }
    if let storeEpoch, epoch > storeEpoch {
      let now: MonotonicTime = clock.now()
      recoveredAt = now
      instance.onRecovered(at: now)
      logger.notice("the store goes on without its lost majority: the lease is counted anew", metadata: ["storeEpoch": "\(epoch)"])
    }
    storeEpoch = epoch
  }

  private func tick() {
    noteRecovery()
    let planned: FailoverRequest? = plannedMove()
    let findings: [Finding] = planned.map { self.findings($0) } ?? []
    let surroundings = surroundings(instance.view.record, planned: planned, findings: findings)
    // What the instance asks for while it changes must not look at it.
    let view: ActivationView = instance.view
    for directive in instance.onTick(clock.now(), surroundings, obstacles: obstacles(planned, view)) {
      switch directive {
      case .refused(let reason): holdBack(reason, planned)
      case .write(let record, let purpose): Task { await self.write(record, purpose) }
      }
    }
    startJudging(waiting: planned.map { ($0.name, findings) })
    startEnforcing()
    startEvaluating()
    startPruning()
  }

  private func holdBack(_ reason: String, _ planned: FailoverRequest?) {
    logger.warning("nothing is taken over: \(reason)")
    guard let record: ActivationRecord = instance.view.record else { return }
    let now: MonotonicTime = clock.now()
    audit.note(
      Decision(
        cluster: record.cluster, decision: "HeldBack", verb: planned?.verb.rawValue ?? Verb.automatic, failover: planned?.name,
        reason: reason, record: record, silentFor: now - (instance.view.versionSeenAt ?? now), votes: votes(instance.view)))
    propose(record)
  }

  /// The newest planned Failover that was accepted under the activation in force and waits for its source to give way. An older one that
  /// waits still could not be carried out: people may have asked for another target since.
  private func plannedMove() -> FailoverRequest? {
    guard let record: ActivationRecord = instance.view.record else { return nil }
    let open: [KubeObject] = failovers.cache.all.filter { ["", "Pending"].contains($0.status["phase"].string ?? "") }
    return open.compactMap { FailoverRequest($0) }.filter { $0.isWaiting(record, order: configuration.cluster.order) }
      .max { FailoverRequest.isEarlier($0, $1) }
  }

  /// What the rules find about the move that waits; looked at again twice a second.
  private func findings(_ request: FailoverRequest) -> [Finding] {
    guard let to: CenterName = request.to else { return [] }
    let (now, epoch): (MonotonicTime, Int64) = (clock.now(), instance.view.record?.epoch ?? 0)
    if let last = lastFindings, last.failover == request.name, last.epoch == epoch, now < last.at + FederationLimits.findingsEvery {
      return last.findings
    }
    guard hasRead else {
      return [
        Finding(
          rule: "unread", center: to, object: "Host/\(configuration.host)", measured: "nodes and pods have not been read yet",
          limit: "all of them", cure: "wait a moment")
      ]
    }
    let found: [Finding] = FailoverVerdict.weighed(
      ReadinessRules.findings(facts(instance.view.record), .init(to, verb: request.verb)), request)
    lastFindings = (request.name, epoch, now, found)
    return found
  }

  /// The Failover that brought the activation in force about.
  func currentFailover(_ record: ActivationRecord) -> KubeObject? {
    failovers.cache.all.first { $0.status["epoch"].int == record.epoch && $0.spec["cluster"].string == record.cluster }
  }

  /// What stands against this center's taking over now, after a loss or as the target of a move.
  private func obstacles(_ planned: FailoverRequest?, _ view: ActivationView) -> [String] {
    guard hasRead, clusters.hasSynced else { return ["nodes, pods and policy have not been read yet"] }
    let record: ActivationRecord? = view.record
    let isAsked: Bool = (record?.handover?.to ?? planned?.to) == configuration.center
    let own: CenterName = configuration.center
    let subject = ReadinessRule.Subject(own, verb: isAsked ? planned?.verb ?? .planned : nil, isAutomatic: !isAsked)
    let facts: ReadinessFacts = facts(record)
    var against: [String] = ReadinessRules.afterLoss.flatMap { $0.evaluate(facts, subject) }.blocking.map(\.sentence)
    if !isAsked { against += automaticObstacles(view) }
    return against
  }

  private func startPruning() {
    let now: MonotonicTime = clock.now()
    guard now >= pruneDue, let record: ActivationRecord = instance.view.record, instance.view.isActive(configuration.center, at: now) else {
      return
    }
    pruneDue = now + FederationLimits.decisionsEvery
    Task { await self.audit.prune(cluster: record.cluster) }
  }

  private func write(_ record: ActivationRecord, _ purpose: ActivationInstance.Purpose) async {
    let began: MonotonicTime = clock.now()
    let silentFor: Duration = began - (instance.view.versionSeenAt ?? began)
    // As they were when it was decided; afterwards another center is active.
    let votes: Votes? = votes(instance.view)
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
    note(written, purpose, silentFor, votes)
    switch purpose {
    case .create: logger.info("first activation", metadata: ["epoch": "1"])
    case .restore:
      EventLog.shared.record("activation.restored", "deleted in epoch \(written.epoch - 1) or before; \(written.center) is next")
      logger.error("the activation record was deleted: nobody acts for a lease", metadata: ["epoch": "\(written.epoch)"])
    case .renew: renewals.increment()
    case .yieldNamespace(let placement):
      EventLog.shared.record("namespace.yielded", "\(placement.namespace) from \(placement.center), epoch \(written.epoch)")
      logger.notice("a namespace gives way", metadata: ["namespace": "\(placement.namespace)", "from": "\(placement.center)"])
      await tellHistory(
        placement.failover, "GaveWay", "\(placement.center) gives \(placement.namespace) to \(placement.yieldsTo?.value ?? "?")")
    case .placeNamespace(let placement):
      EventLog.shared.record("namespace.placed", "\(placement.namespace) in \(placement.yieldsTo?.value ?? "?"), epoch \(written.epoch)")
      logger.notice(
        "a namespace has moved", metadata: ["namespace": "\(placement.namespace)", "to": "\(placement.yieldsTo?.value ?? "?")"])
      enforceDue = began
      startEnforcing()
    case .yield(let to):
      EventLog.shared.record("handover.yielded", "\(written.center) to \(to), epoch \(written.epoch)")
      await tellHistory(written.handover?.failover, "GaveWay", "\(written.center) gives way to \(to)")
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
      // The tick would come up to 100 ms later, and pods wait for it.
      startEnforcing()
      do {
        try await recordFailover(written, silentFor: silentFor)
      } catch let error as KubeError where error.code == .conflict || error.code == .alreadyExists {
        // The round that enforces was faster.
      } catch {
        logger.warning("the failover cannot be recorded, the next round tries again: \(error)")
      }
    }
  }

  /// For the audit trail.
  private func note(_ written: ActivationRecord, _ purpose: ActivationInstance.Purpose, _ silentFor: Duration, _ votes: Votes?) {
    var decision = Decision(cluster: written.cluster, decision: "", record: written, silentFor: silentFor)
    decision.failover = written.failover ?? written.handover?.failover
    switch purpose {
    case .yieldNamespace(let placement), .placeNamespace(let placement): decision.failover = placement.failover
    default: break
    }
    decision.verb = decision.failover.flatMap { failovers.cache.get(name: $0)?.spec["kind"].string } ?? Verb.automatic
    switch purpose {
    case .renew: return
    case .create: (decision.decision, decision.reason) = ("TookOver", "there was no activation before")
    case .restore: (decision.decision, decision.reason) = ("Restored", "the activation record was deleted")
    case .yield(let to): (decision.decision, decision.reason) = ("GaveWay", "to \(to)")
    case .yieldNamespace(let placement):
      (decision.decision, decision.reason) = ("GaveWay", "\(placement.namespace) to \(placement.yieldsTo?.value ?? "?")")
    case .placeNamespace(let placement):
      (decision.decision, decision.reason) = ("TookOver", "\(placement.namespace) from \(placement.center)")
    case .release(let to): (decision.decision, decision.reason) = ("Released", "everybody has stopped, \(to) need not wait for the lease")
    case .takeOver(let from) where from == written.center:
      (decision.decision, decision.reason) = ("Resumed", "nobody took over in time")
    case .takeOver(let from):
      (decision.decision, decision.reason) = ("TookOver", "from \(from)")
      decision.votes = votes
    }
    audit.note(decision)
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
