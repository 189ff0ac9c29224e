import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives
import Synchronization

/// Gives pods without a node the best one of the active center. Informers run from the start, on standbys too; decisions are made
/// while the lease is held. The shell around `SchedulerState`.
public final class Scheduler: Sendable {
  private let client: KubeClient
  private let configuration: SchedulerConfiguration
  private let informers: SharedInformers
  private let events: EventRecorder
  private let state: Mutex<SchedulerState>
  /// Of the term of leadership that runs; nil while none does.
  private let waker: Mutex<AsyncStream<Void>.Continuation?> = Mutex(nil)
  private let elector: LeaderElector?
  private let logger = Logger(label: "scheduler")
  private let attempts = Timer(label: "scheduler_scheduling_algorithm_duration_seconds")
  private let bound = Counter(label: "scheduler_schedule_attempts_total", dimensions: [("result", "scheduled")])
  private let refused = Counter(label: "scheduler_schedule_attempts_total", dimensions: [("result", "unschedulable")])
  private let failed = Counter(label: "scheduler_schedule_attempts_total", dimensions: [("result", "error")])

  public init(client: KubeClient, configuration: SchedulerConfiguration) {
    self.client = client
    self.configuration = configuration
    informers = SharedInformers(client: client)
    events = EventRecorder(client: client, component: configuration.schedulerName, clock: configuration.clock)
    state = Mutex(SchedulerState(schedulerName: configuration.schedulerName, seed: configuration.seed ?? UInt64.random(in: 0 ... .max)))
    elector = configuration.leaderElection.map { LeaderElector(client: client, configuration: $0, clock: configuration.clock) }
    let clock: any TimeSource = configuration.clock
    informers.informer(.pods).addHandler(
      InformerHandlers(
        onAdd: { [weak self] pod in self?.change { $0.onPod(pod, now: clock.now()) } },
        onUpdate: { [weak self] _, pod in self?.change { $0.onPod(pod, now: clock.now()) } },
        onDelete: { [weak self] pod in self?.change { $0.onPodGone(pod, now: clock.now()) } }))
    informers.informer(.nodes).addHandler(
      InformerHandlers(
        onAdd: { [weak self] node in self?.change { $0.onNode(node, now: clock.now()) } },
        onUpdate: { [weak self] _, node in self?.change { $0.onNode(node, now: clock.now()) } },
        onDelete: { [weak self] node in self?.change { $0.onNodeGone(node, now: clock.now()) } }))
    informers.informer(.namespaces).addHandler(
      InformerHandlers(
        onAdd: { [weak self] namespace in self?.change { $0.onNamespace(namespace, now: clock.now()) } },
        onUpdate: { [weak self] _, namespace in self?.change { $0.onNamespace(namespace, now: clock.now()) } },
        onDelete: { [weak self] namespace in self?.change { $0.onNamespaceGone(namespace.name) } }))
    let informers: SharedInformers = informers
    configuration.health?.register("scheduler") {
      informers.hasSynced ? nil : "the scheduler's informers have not seen a whole list yet: is the apiserver reachable?"
    }
  }

  /// Decisions are made in this process now.
  public var isLeader: Bool { elector?.isLeader ?? true }
  /// Pods that wait: to be tried, for their backoff to end, for something to change.
  public var pending: (ready: Int, backoff: Int, waiting: Int) { state.withLock { $0.queue.counts } }

  /// Runs until its task is cancelled. Once per scheduler.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await self.informers.run() }
      group.addTask {
        try await self.informers.waitUntilSynced()
        guard let elector: LeaderElector = self.elector else { return try await self.work() }
        try await elector.run { try await self.work() }
      }
      try await group.next()
      group.cancelAll()
      try await group.waitForAll()
    }
    try Task.checkCancellation()
  }

  private func change(_ body: (inout SchedulerState) -> Void) {
    state.withLock { body(&$0) }
    wake()
  }

  private func wake() { _ = waker.withLock { $0?.yield() } }

  private func work() async throws {
    logger.info("scheduling starts")
    defer { logger.info("scheduling stops") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.pulse() }
      group.addTask { await self.decideAll() }
      try await group.next()
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  /// Notices another active center and times that have come.
  private func pulse() async throws {
    while true {
      let (active, now): (CenterName?, MonotonicTime) = (configuration.activeCenter(), configuration.clock.now())
      let placed: [String: CenterName?] = configuration.placedNamespaces()
      let changed: Bool = state.withLock { state in
        let changed: Bool = state.onCenter(active, placed: placed)
        let before: Int = state.queue.counts.ready
        _ = state.onTick(now)
        return changed || state.queue.counts.ready != before
      }
      if changed { wake() }
      try await Task.sleep(for: LeaderElectionConfiguration.poll)
    }
  }

  /// One decision after the other; bindings go on beside them.
  private func decideAll() async {
    let (wakes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    waker.withLock { $0 = continuation }
    defer { waker.withLock { $0 = nil } }
    await withTaskGroup(of: Void.self) { group in
      var underWay: Int = 0
      while !Task.isCancelled {
        let began: MonotonicTime = configuration.clock.now()
        let (active, placed): (CenterName?, [String: CenterName?]) = (configuration.activeCenter(), configuration.placedNamespaces())
        guard
          let (pod, outcome): (PodInfo, SchedulingCycle.Outcome) = state.withLock({ state in
            _ = state.onCenter(active, placed: placed)
            return state.decide().map { ($0.pod, $0.outcome) }
          })
        else {
          for await _ in wakes { break }
          continue
        }
        attempts.recordNanoseconds((configuration.clock.now() - began).inNanoseconds)
        while underWay >= SchedulerLimits.concurrentBindings, await group.next() != nil { underWay -= 1 }
        underWay += 1
        group.addTask { await self.carryOut(pod, outcome) }
      }
      group.cancelAll()
    }
  }

  private func carryOut(_ pod: PodInfo, _ outcome: SchedulingCycle.Outcome) async {
    switch outcome {
    case .node(let node): await bind(pod, node)
    case .unschedulable(let message, let kinds):
      refused.increment()
      change { $0.onUnschedulable(pod, kinds: kinds, now: configuration.clock.now()) }
      events.event(pod.object, .warning, reason: "FailedScheduling", message: message)
      await tell(pod, message)
    }
  }

  private func bind(_ pod: PodInfo, _ node: String) async {
    do {
      _ = try await client.createSubresource(
        .pods, namespace: pod.namespace, name: pod.object.name, subresource: "binding",
        KubeObject([
          "apiVersion": "v1", "kind": "Binding",
          "metadata": ["name": .string(pod.object.name), "namespace": .string(pod.namespace), "uid": .string(pod.uid)],
          "target": ["apiVersion": "v1", "kind": "Node", "name": .string(node)],
        ]))
      bound.increment()
      change { $0.onBound(pod) }
      events.event(pod.object, .normal, reason: "Scheduled", message: "Successfully assigned \(pod.key) to \(node)")
    } catch {
      failed.increment()
      let gone: Bool = (error as? KubeError)?.code == .notFound
      if !gone { logger.debug("binding failed: \(error)", metadata: ["pod": "\(pod.key)", "node": "\(node)"]) }
      change { $0.onBindingFailed(pod, now: configuration.clock.now()) }
    }
  }

  /// The condition `PodScheduled`, where it does not say so already.
  private func tell(_ pod: PodInfo, _ message: String) async {
    let present: JSONValue? = pod.object.status["conditions"].array.first { $0["type"].string == "PodScheduled" }
    if present?["status"].string == "False", present?["message"].string == message { return }
    var condition: JSONValue = ["type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": .string(message)]
    condition["lastTransitionTime"] =
      present?["status"].string == "False"
      ? present?["lastTransitionTime"] ?? .null : .string(configuration.clock.wall().rfc3339)
    do {
      _ = try await client.patch(
        .pods, namespace: pod.namespace, name: pod.object.name, type: .strategic,
        ["metadata": ["uid": .string(pod.uid)], "status": ["conditions": [condition]]], subresource: "status")
    } catch {
      logger.debug("the condition was not written: \(error)", metadata: ["pod": "\(pod.key)"])
    }
  }
}
