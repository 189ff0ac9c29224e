import KubeModel
import Logging
import Primitives

/// The shell around one pod's `PodLifecycle`: hands it events one at a time and carries out what it answers, each directive as a
/// job of its own that comes back with its answer.
actor PodWorker {
  nonisolated let uid: String
  nonisolated let namespace: String
  let context: WorkerContext
  private let finished: @Sendable (String) async -> Void
  var pod: KubeObject
  var lifecycle: PodLifecycle
  var times: StartTimes
  /// Volumes are made once per worker, by whoever needs them first.
  var volumePaths: [String: String]?
  private var wakeSerial: Int = 0
  var pendingStatus: JSONValue?
  /// It may be sent now; while `settling`, a later one may still take its place.
  var statusDue: Bool = false
  var settling: Bool = false
  var pendingDelete: Bool = false
  var publishing: Bool = false
  private var quietWaiters: [CheckedContinuation<Void, Never>] = []

  init(pod: KubeObject, observation: PodObservation, context: WorkerContext, finished: @escaping @Sendable (String) async -> Void) {
    let now: Reading = context.clock.reading()
    uid = pod.uid
    namespace = pod.namespace
    self.pod = pod
    self.context = context
    self.finished = finished
    lifecycle = PodLifecycle(pod: pod, observation: observation, hostAddress: context.configuration.address, now: now)
    times = StartTimes(seen: now.monotonic)
    // What was running already is not a start to be measured.
    times.told = lifecycle.sandboxID != nil
  }

  var now: Reading { context.clock.reading() }
  var isBusy: Bool { lifecycle.isBusy }
  var isExclusive: Bool { lifecycle.blueprint.exclusive }

  /// `taken`: a host port that another pod here has already.
  func begin(fenced reason: String?, taken: HostPort? = nil) {
    let admission = PodAdmission(pod: pod, abilities: context.abilities, clusterDomain: context.configuration.clusterDomain)
    if let refusal: PodFailure = admission.refusal() ?? taken.map({ .portTaken($0) }) {
      apply(lifecycle.onRefused(refusal, now: now))
    } else if lifecycle.sandboxID == nil {
      for warning in admission.warnings() { context.recorder.event(pod, .warning, reason: warning.reason, message: warning.message) }
    }
    if let reason { apply(lifecycle.onFence(reason: reason, now: now)) }
    apply(lifecycle.onStart(now))
    let projected: Bool = pod.spec["volumes"].array.contains { VolumeManager.isProjection($0) }
    if projected { context.jobs.spawn { await self.refreshVolumes() } }
    if Self.hasUsageLimit(pod.spec), !context.runtime.isSimulated { context.jobs.spawn { await self.watchUsage() } }
  }
  func desired(_ pod: KubeObject) {
    // A list and the events beside it can overtake each other; resourceVersions are the store's revisions and only grow.
    if let known = Int64(self.pod.resourceVersion), let new = Int64(pod.resourceVersion), new < known { return }
    self.pod = pod
    apply(lifecycle.onDesired(pod, now: now))
  }
  func gone() { apply(lifecycle.onGone(now: now)) }
  func observed(_ observation: PodObservation) {
    var observation: PodObservation = observation
    for index in observation.containers.indices where !observation.containers[index].isAlive {
      observation.containers[index] = withTerminationMessage(observation.containers[index])
    }
    apply(lifecycle.onObserved(observation, now: now))
  }

  /// Kills at once, without waiting for the end (`quiet`).
  func fence(reason: String) {
    guard lifecycle.blueprint.exclusive else { return }
    // First past the runtime, which may hang, then through it, which tells the exit codes.
    CgroupKiller.kill(context.builder(pod).cgroupParent)
    apply(lifecycle.onFence(reason: reason, now: now))
  }
  /// Returns when no process is left of an exclusive pod, or after `KubeletLimits.fenceWait`.
  func quiet() async {
    guard lifecycle.blueprint.exclusive, !lifecycle.isQuiet else { return }
    context.jobs.spawn {
      try? await Task.sleep(for: KubeletLimits.fenceWait)
      await self.releaseQuietWaiters()
    }
    await withCheckedContinuation { quietWaiters.append($0) }
  }
  func unfence() { apply(lifecycle.onUnfence(now: now)) }

  private func releaseQuietWaiters() {
    for waiter in quietWaiters { waiter.resume() }
    quietWaiters = []
  }

  func apply(_ directives: [PodDirective]) {
    for directive in directives { carryOut(directive) }
    if !quietWaiters.isEmpty, lifecycle.isQuiet { releaseQuietWaiters() }
    if !times.told, lifecycle.isReady { tellReady() }
  }

  private func carryOut(_ directive: PodDirective) {
    switch directive {
    case .startSandbox(let attempt): context.jobs.spawn { await self.startSandbox(attempt) }
    case .discardSandboxes(let ids): context.jobs.spawn { await self.discardSandboxes(ids) }
    case .startContainer(let name, let attempt): context.jobs.spawn { await self.startContainer(name, attempt) }
    case .stopContainer(let name, let id, let grace, _): context.jobs.spawn { await self.stopContainer(name, id, grace) }
    case .removeContainers(let ids):
      let runtime: any ContainerRuntime = context.runtime
      context.jobs.spawn { for id in ids { try? await runtime.removeContainer(id) } }
    case .startProbes(let name, let id): startProbes(name, id)
    case .stopProbes: break  // a probe loop ends by itself once its instance is not the current one
    case .publish(let status): publish(status)
    case .deleteObject:
      pendingDelete = true
      publishIfIdle()
    case .record(let event):
      context.recorder.event(pod, event.type == "Warning" ? .warning : .normal, reason: event.reason, message: event.message)
    case .wake(let after):
      wakeSerial += 1
      let serial: Int = wakeSerial
      context.jobs.spawn {
        try? await Task.sleep(for: after)
        await self.wake(serial)
      }
    case .finished: end()
    }
  }

  /// Only the last wait that was asked for counts.
  private func wake(_ serial: Int) {
    guard serial == wakeSerial, !Task.isCancelled else { return }
    apply(lifecycle.onWake(now: now))
  }

  private func end() {
    let builder = context.builder(pod)
    context.volumes.remove(uid)
    Files.removeTree(builder.logDirectory)
    CgroupKiller.remove(builder.cgroupParent)
    context.jobs.spawn { [uid, finished] in await finished(uid) }
  }

  private func tellReady() {
    times.told = true
    let whole: Duration = now.monotonic - times.seen
    context.steps.ready.recordNanoseconds(whole.inNanoseconds)
    context.logger.info(
      "pod is ready",
      metadata: [
        "pod": "\(pod.key)", "after_ms": "\(Int(whole.inMilliseconds))", "sandbox_ms": "\(Int(times.sandbox.inMilliseconds))",
        "create_ms": "\(Int(times.create.inMilliseconds))", "start_ms": "\(Int(times.start.inMilliseconds))",
      ])
  }
}
