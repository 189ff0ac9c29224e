import KubeModel
import Logging
import Primitives

/// All pods of this host: makes workers, hands them what changes, and clears away what belongs to no pod.
actor PodManager {
  private let context: WorkerContext
  private let observer: RuntimeObserver
  private var workers: [String: PodWorker] = [:]
  private var latest: [String: PodObservation] = [:]
  /// Orphans that are being removed.
  private var clearing: Set<String> = []
  /// The API has shown all pods of this host once: only now may anything be called an orphan.
  private var apiSeen: Bool = false
  private var fence: FenceState.Position

  init(context: WorkerContext, observer: RuntimeObserver, fence: FenceState.Position) {
    self.context = context
    self.observer = observer
    self.fence = fence
  }

  var fenceReason: String? { if case .fenced(let reason) = fence { reason } else { nil } }
  func pods() async -> [KubeObject] {
    var all: [KubeObject] = []
    for worker in workers.values { all.append(await worker.pod) }
    return all.sorted { $0.key < $1.key }
  }
  func isBusy() async -> Bool {
    for worker in workers.values where await worker.isBusy { return true }
    return false
  }
  func exclusivePods() async -> Int {
    var count: Int = 0
    for worker in workers.values where await worker.isExclusive { count += await worker.lifecycle.isQuiet ? 0 : 1 }
    return count
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
    if let worker: PodWorker = workers[pod.uid] { return await worker.desired(pod) }
    let observation: PodObservation = await adopted(pod.uid)
    // While we asked for the address the same pod may have come again.
    if let worker: PodWorker = workers[pod.uid] { return await worker.desired(pod) }
    let worker = PodWorker(pod: pod, observation: observation, context: context) { [weak self] in await self?.forget($0) }
    workers[pod.uid] = worker
    await worker.begin(fenced: startRefusal(pod), taken: await takenPort(pod))
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

  /// Nothing exclusive starts while the fence is up, or before anybody has said that it is down. What a restart of this kubelet
  /// found running is left alone until then.
  private func startRefusal(_ pod: KubeObject) -> String? {
    guard context.configuration.fencesExclusivePods else { return nil }
    switch fence {
    case .open: return nil
    case .fenced(let reason): return reason
    case .pending:
      let running: Bool = latest[pod.uid]?.containers.contains { $0.state == .running } ?? false
      return running ? nil : "no activation has been seen since this kubelet started"
    }
  }

  func gone(_ uid: String) async { await workers[uid]?.gone() }
  private func forget(_ uid: String) {
    workers[uid] = nil
    latest[uid] = nil
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
    let observed: (pods: [String: PodObservation], takenAt: MonotonicTime) = try await observer.observe()
    latest = observed.pods
    var busy: Bool = false
    for (uid, worker) in workers {
      await worker.observed(observed.pods[uid] ?? PodObservation(takenAt: observed.takenAt))
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

  // MARK: Fence

  /// Returns when no exclusive pod has a process left.
  func setFence(_ position: FenceState.Position) async {
    fence = position
    guard context.configuration.fencesExclusivePods else { return }
    switch position {
    case .pending: break
    case .open: for worker in workers.values { await worker.unfence() }
    case .fenced(let reason):
      await withDiscardingTaskGroup { group in
        for worker in workers.values { group.addTask { await worker.fence(reason: reason) } }
        // Before the API was seen there are no workers; what runs is known by its sandboxes alone.
        if !apiSeen {
          for (uid, observation) in latest where workers[uid] == nil {
            let root: String = context.configuration.cgroupRoot
            for sandbox in observation.sandboxes where !sandbox.hot {
              group.addTask { [runtime = context.runtime] in
                if !root.isEmpty { CgroupKiller.kill("\(root)/pod\(uid)") }
                try? await runtime.stopSandbox(sandbox.id)
              }
            }
          }
        }
      }
    }
  }
}
