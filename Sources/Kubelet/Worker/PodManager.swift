import KubeModel
import Logging
import Primitives

/// All pods of this host: makes workers, hands them what changes, and clears away what belongs to no pod.
actor PodManager {
  let context: WorkerContext
  private let observer: RuntimeObserver
  private(set) var workers: [String: PodWorker] = [:]
  private(set) var latest: [String: PodObservation] = [:]
  /// Orphans that are being removed.
  private var clearing: Set<String> = []
  /// The API has shown all pods of this host once: only now may anything be called an orphan.
  private(set) var apiSeen: Bool = false
  /// The runtime has said once what it has.
  private(set) var observed: Bool = false
  var fence: FencePositions
  /// How often the fence was turned, and whether somebody tells the workers just now.
  var turns: Int = 0
  var turning: Bool = false
  /// Pods without a worker that the fence is stopping.
  var stopping: Set<String> = []
  /// Whether a fence spares the pod, by uid.
  var hot: [String: Bool] = [:]
  var namespaces: [String: String] = [:]

  init(context: WorkerContext, observer: RuntimeObserver, fence: FencePositions) {
    self.context = context
    self.observer = observer
    self.fence = fence
  }

  var fenceReason: String? { fence.general.reason }
  func pods() async -> [KubeObject] {
    var all: [KubeObject] = []
    for worker in workers.values { all.append(await worker.pod) }
    return all.sorted { $0.key < $1.key }
  }
  func isBusy() async -> Bool {
    for worker in workers.values where await worker.isBusy { return true }
    return false
  }
  func worker(namespace: String, name: String) async -> PodWorker? {
    for worker in workers.values {
      let pod: KubeObject = await worker.pod
      if pod.namespace == namespace, pod.name == name { return worker }
    }
    return nil
  }

  /// Log files that are being written, and by which container.
  func runningLogs() async -> [(path: String, container: String)] {
    var all: [(path: String, container: String)] = []
    for worker in workers.values { all += await worker.runningLogs() }
    return all
  }

  // MARK: What the API wants

  func desired(_ pod: KubeObject) async {
    guard pod.spec["nodeName"].string == context.configuration.hostName.value else { return await gone(pod.uid) }
    noteTier(pod)
    if let worker: PodWorker = workers[pod.uid] { return await worker.desired(pod) }
    let observation: PodObservation = await adopted(pod.uid)
    // While we asked for the address the same pod may have come again.
    if let worker: PodWorker = workers[pod.uid] { return await worker.desired(pod) }
    let worker = PodWorker(pod: pod, observation: observation, context: context) { [weak self] in await self?.forget($0) }
    workers[pod.uid] = worker
    let taken: HostPort? = await takenPort(pod)
    let refusal: String? = startRefusal(pod.namespace)
    await worker.begin(fenced: refusal, taken: taken)
    // The fence may have been turned while it began.
    let now: String? = startRefusal(pod.namespace)
    if refusal != nil, now == nil { await worker.unfence() } else if let now, refusal == nil { await worker.fence(reason: now) }
  }

  /// What the informer's cache holds now, when single changes were given up.
  func relisted(_ pods: [KubeObject]) async {
    let wanted: Set<String> = Set(pods.map(\.uid))
    for uid in workers.keys where !wanted.contains(uid) { await gone(uid) }
    for pod in pods { await desired(pod) }
  }

  /// The first host port of `pod` that another pod of this host has.
  private func takenPort(_ pod: KubeObject) async -> HostPort? {
    let wanted: [HostPort] = HostPort.of(pod.spec)
    guard !wanted.isEmpty else { return nil }
    for (uid, worker) in workers where uid != pod.uid {
      guard await !worker.lifecycle.isOver else { continue }
      let theirs: [HostPort] = HostPort.of(await worker.pod.spec)
      if let taken: HostPort = wanted.first(where: { port in theirs.contains { $0.collides(with: port) } }) { return taken }
    }
    return nil
  }

  /// Nothing exclusive starts while the fence is up.
  private func startRefusal(_ namespace: String) -> String? {
    context.configuration.fencesExclusivePods ? fence.reason(namespace) : nil
  }

  func gone(_ uid: String) async { await workers[uid]?.gone() }
  private func forget(_ uid: String) {
    workers[uid] = nil
    latest[uid] = nil
    hot[uid] = nil
    namespaces[uid] = nil
  }

  /// What the runtime has of the pod, with the address of its sandbox, which lists do not tell.
  private func adopted(_ uid: String) async -> PodObservation {
    guard var observation: PodObservation = latest[uid] else { return PodObservation(takenAt: context.clock.now()) }
    for index in observation.sandboxes.indices {
      if let full: SandboxObservation = try? await context.runtime.sandboxStatus(observation.sandboxes[index].id) {
        observation.sandboxes[index].address = full.address
      }
    }
    return observation
  }

  // MARK: What the runtime has

  /// True when something is being started or stopped.
  func observe() async throws -> Bool {
    var seen: (pods: [String: PodObservation], takenAt: MonotonicTime) = try await observer.observe()
    if let warm: WarmKeeper = context.warm { seen.pods = await warm.routed(seen.pods, takenAt: seen.takenAt) }
    latest = seen.pods
    observed = true
    stopUnclaimed()
    var busy: Bool = false
    for (uid, worker) in workers {
      await worker.observed(seen.pods[uid] ?? PodObservation(takenAt: seen.takenAt))
      if await worker.isBusy { busy = true }
    }
    if apiSeen { clearOrphans() }
    return busy
  }

  /// The API's list is complete: what has no pod is not wanted any more.
  func apiSynced() {
    apiSeen = true
    clearOrphans()
    for uid in context.volumes.podsOnDisk() where workers[uid] == nil && latest[uid] == nil && !clearing.contains(uid) {
      context.volumes.remove(uid)
    }
  }

  private func clearOrphans() {
    for (uid, observation) in latest where workers[uid] == nil && clearing.insert(uid).inserted {
      context.logger.info("stopping what is left of a pod that is gone", metadata: ["uid": "\(uid)"])
      context.jobs.spawn { await self.clear(uid, observation) }
    }
  }

  private func clear(_ uid: String, _ observation: PodObservation) async {
    do {
      for container in observation.containers where container.state == .running {
        try await context.runtime.stopContainer(container.id, grace: KubeletLimits.orphanGrace)
      }
      for sandbox in observation.sandboxes {
        try await context.runtime.stopSandbox(sandbox.id)
        try await context.runtime.removeSandbox(sandbox.id)
        Files.removeTree("\(context.configuration.logDirectory)/\(sandbox.namespace)_\(sandbox.name)_\(uid)")
      }
      for container in observation.containers { try await context.runtime.removeContainer(container.id) }
      context.volumes.remove(uid)
      if !context.configuration.cgroupRoot.isEmpty { CgroupKiller.remove("\(context.configuration.cgroupRoot)/pod\(uid)") }
      latest[uid] = nil
    } catch {
      context.logger.warning("what is left of a pod could not be removed, trying again: \(error)", metadata: ["uid": "\(uid)"])
      try? await Task.sleep(for: KubeletLimits.apiRetryMost)
    }
    clearing.remove(uid)
  }
}
