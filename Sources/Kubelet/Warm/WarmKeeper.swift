import KubeClient
import KubeModel
import Logging
import Metrics
import Primitives

/// Where this host's center stands.
public enum CenterStanding: Hashable, Sendable {
  case active
  /// It takes over when the active one is lost: `warm` workloads are prepared for.
  case next
  case other
}

/// The shell around `WarmPool`: makes sandboxes for `warm` workloads while its center is the next one, hands them to pods, and clears away
/// what nobody wants. They run nothing but the runtime's pause process, belong to no pod, and a fence that stands here drops their packets.
actor WarmKeeper {
  private let runtime: any ContainerRuntime
  private let settings: KubeletConfiguration
  private let clock: any TimeSource
  private let standing: @Sendable () -> CenterStanding
  private let sets: Informer
  private let namespaces: Informer
  private let nodes: Informer
  private var pool = WarmPool()
  private var serial: UInt64
  /// Since when this center is active: what is left over goes a while after it.
  private var activeSince: MonotonicTime?
  private var turns = WarmTurns()
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var nextTry = MonotonicTime(nanoseconds: 0)
  private let count = Gauge(label: "kubelet_prepared_sandboxes")
  private let adopted = Counter(label: "kubelet_prepared_sandboxes_adopted_total")
  private let logger = Logger(label: "kubelet.warm")

  init(
    client: KubeClient, runtime: any ContainerRuntime, settings: KubeletConfiguration, clock: any TimeSource,
    standing: @escaping @Sendable () -> CenterStanding
  ) {
    self.runtime = runtime
    self.settings = settings
    self.clock = clock
    self.standing = standing
    sets = Informer(client: client, resource: .replicaSets)
    namespaces = Informer(client: client, resource: .namespaces)
    nodes = Informer(client: client, resource: .nodes)
    serial = UInt64.random(in: 0 ... .max)
  }

  /// Until its task is cancelled. One sandbox at a time: nobody waits for them, and pods that start go before.
  func run() async {
    await withDiscardingTaskGroup { group in
      for informer in [sets, namespaces, nodes] { group.addTask { await informer.run() } }
      group.addTask {
        while !Task.isCancelled {
          await self.look()
          try? await Task.sleep(for: KubeletLimits.warmEvery)
        }
      }
    }
  }

  private var isSynced: Bool { sets.hasSynced && namespaces.hasSynced && nodes.hasSynced }

  private func look() async {
    guard isSynced else { return }
    let templates: [String: (template: SandboxTemplate, count: Int)] = wanted()
    // Just taken over: pods are on their way to what was prepared.
    if let activeSince, clock.now() - activeSince < KubeletLimits.preparedKept { return }
    let plan = pool.plan(templates.mapValues(\.count))
    for prepared in plan.discard { await discard(prepared) }
    guard clock.now() >= nextTry else { return }
    for (digest, missing) in plan.make.sorted(by: { $0.key < $1.key }) {
      guard let template: SandboxTemplate = templates[digest]?.template else { continue }
      for _ in 0..<missing where standing() == .next { if await !make(template) { return } }
    }
  }

  private func wanted() -> [String: (template: SandboxTemplate, count: Int)] {
    switch standing() {
    case .active:
      activeSince = activeSince ?? clock.now()
      return [:]
    case .other:
      (activeSince, turns) = (nil, WarmTurns())
      return [:]
    case .next:
      (activeSince, turns) = (nil, WarmTurns())
      let known: [String: KubeObject] = Dictionary(namespaces.cache.all.map { ($0.name, $0) }) { first, _ in first }
      return WarmPlan.wanted(
        sets: sets.cache.all, namespaces: known, nodes: nodes.cache.all, center: settings.center.value, settings: settings)
    }
  }

  private func make(_ template: SandboxTemplate) async -> Bool {
    serial &+= 1
    let sandbox: SandboxConfiguration = template.prepared(String(serial, radix: 36), cgroupRoot: settings.cgroupRoot)
    do {
      let id: String = try await runtime.runSandbox(sandbox)
      pool.onMade(WarmPool.Prepared(id: id, uid: sandbox.uid, digest: template.digest, since: clock.now()))
      count.record(pool.free.count)
      return true
    } catch {
      logger.warning("a sandbox was not prepared: \(error)", metadata: ["namespace": "\(sandbox.namespace)"])
      nextTry = clock.now() + KubeletLimits.sandboxRetryMost
      return false
    }
  }

  private func discard(_ prepared: WarmPool.Prepared) async {
    pool.onDiscarded(prepared.id, now: clock.now())
    do {
      try await runtime.stopSandbox(prepared.id)
      try await runtime.removeSandbox(prepared.id)
    } catch {
      // It is still listed, and found again.
      logger.warning("a prepared sandbox was not removed, trying again: \(error)", metadata: ["sandbox": "\(prepared.id)"])
    }
    pool.onDiscarded(prepared.id, now: clock.now())
    CgroupKiller.remove(SandboxTemplate.cgroup(prepared.uid, below: settings.cgroupRoot))
    count.record(pool.free.count)
  }

  /// A prepared sandbox for the pod, with its host name; nil if there is none that fits.
  func adopt(_ pod: KubeObject, builder: ConfigurationBuilder) async -> SandboxObservation? {
    guard let template = SandboxTemplate(pod, builder: builder), let prepared = pool.take(digest: template.digest, pod: pod.uid) else {
      return nil
    }
    turns.onTaken(pod.uid)
    do {
      var sandbox: SandboxObservation = try await runtime.sandboxStatus(prepared.id)
      guard sandbox.ready, !sandbox.address.isEmpty else {
        throw KubeletError(.runtimeFailed, "The prepared sandbox \(prepared.id) is not ready any more.")
      }
      if !runtime.isSimulated {
        try SandboxHostName.set(builder.hostName.inside, below: SandboxTemplate.cgroup(prepared.uid, below: settings.cgroupRoot))
      }
      sandbox.podUID = pod.uid
      sandbox.prepared = template.digest
      adopted.increment()
      count.record(pool.free.count)
      logger.info("a prepared sandbox is taken over", metadata: ["pod": "\(pod.key)", "sandbox": "\(prepared.id.prefix(13))"])
      return sandbox
    } catch {
      logger.warning("a prepared sandbox cannot be used: \(error)", metadata: ["pod": "\(pod.key)"])
      await discard(prepared)
      began(pod.uid)
      return nil
    }
  }

  /// Returns when a sandbox may be made for a pod for which none was prepared. Those that have one go first: on two cores the start of a
  /// container beside three sandboxes being made took three times as long, and its promise is the shorter one.
  func giveWay() async {
    guard standing() == .active, let pause: Duration = turns.onMaking(free: pool.free.count, now: clock.now()) else { return }
    Task {
      try? await Task.sleep(for: pause)
      self.goOn()
    }
    await withCheckedContinuation { waiting.append($0) }
    // Who was expected may have come meanwhile.
    if turns.isAnybodyStarting { await giveWay() }
  }

  /// The container of a pod with a prepared sandbox runs, or cannot.
  func began(_ pod: String) {
    turns.onBegan(pod)
    if !turns.isAnybodyStarting { goOn() }
  }

  private func goOn() {
    for waiter in waiting { waiter.resume() }
    waiting = []
  }

  /// Sorts prepared sandboxes out of what the runtime has: those that a pod has are its own, the free ones nobody's.
  func routed(_ seen: [String: PodObservation], takenAt: MonotonicTime) -> [String: PodObservation] {
    var pods: [String: PodObservation] = seen
    var owners: [String: String] = [:]
    for observation in pods.values { for container in observation.containers { owners[container.sandbox] = container.podUID } }
    var found: [(sandbox: SandboxObservation, pod: String?)] = []
    for (uid, observation) in seen {
      let prepared: [SandboxObservation] = observation.sandboxes.filter { $0.prepared != nil }
      guard !prepared.isEmpty else { continue }
      found += prepared.map { (sandbox: $0, pod: owners[$0.id]) }
      pods[uid]?.sandboxes.removeAll { $0.prepared != nil }
      if pods[uid]?.sandboxes.isEmpty == true, pods[uid]?.containers.isEmpty == true { pods[uid] = nil }
    }
    for lost in pool.onObserved(found, takenAt: takenAt) {
      CgroupKiller.remove(SandboxTemplate.cgroup(lost.uid, below: settings.cgroupRoot))
    }
    for (var sandbox, _) in found {
      guard let pod: String = pool.taken[sandbox.id]?.pod else { continue }
      sandbox.podUID = pod
      pods[pod, default: PodObservation(takenAt: takenAt)].sandboxes.append(sandbox)
    }
    return pods
  }
}
