import KubeModel
import Primitives

extension PodManager {
  /// Carries out the position that stands now; `position` is asked here, so that of two callers the later one's answer counts. Processes
  /// are killed before this returns, through the runtime they end later (`quiet`).
  func turnFence(_ position: @Sendable () -> FenceState.Position) async {
    fence = position()
    guard context.configuration.fencesExclusivePods else { return }
    enforceFence()
    turns += 1
    // Whoever is telling the workers begins anew.
    guard !turning else { return }
    turning = true
    var told: Int = 0
    while told != turns {
      told = turns
      for worker in Array(workers.values) {
        switch fence {
        case .open: await worker.unfence()
        case .fenced(let reason): await worker.fence(reason: reason)
        }
      }
    }
    turning = false
    stopUnclaimed()
  }

  /// While the fence is up: SIGKILL to whatever runs in a pod's cgroup and is not hot. It asks neither runtime nor apiserver, and is
  /// repeated, since a fork or a start that was under way can slip through one round.
  func enforceFence() {
    let root: String = context.configuration.cgroupRoot
    guard case .fenced = fence, context.configuration.fencesExclusivePods, !root.isEmpty else { return }
    for uid in CgroupKiller.pods(below: root) where !isHot(uid) { CgroupKiller.kill("\(root)/pod\(uid)") }
  }

  /// Returns when no exclusive pod that is known has a process left, or after `KubeletLimits.fenceWait`.
  func quiet() async {
    await withDiscardingTaskGroup { group in
      for worker in workers.values { group.addTask { await worker.quiet() } }
    }
  }

  /// Exclusive pods that have a container running or starting here. Nil: nobody knows yet, since the runtime has not said what it has, or
  /// the API not what belongs here.
  func exclusivePods() async -> Int? {
    guard observed, apiSeen else { return nil }
    var count: Int = 0
    for worker in workers.values where await worker.isExclusive { count += await worker.lifecycle.isQuiet ? 0 : 1 }
    // Pods that are gone from the API run on until they are cleared away.
    count += unclaimed().count
    return count
  }

  /// Before the API was seen there are no workers; what runs is known by its sandboxes alone.
  func stopUnclaimed() {
    guard case .fenced = fence, context.configuration.fencesExclusivePods, !apiSeen else { return }
    for uid in unclaimed() where stopping.insert(uid).inserted {
      let sandboxes: [SandboxObservation] = latest[uid]?.sandboxes ?? []
      context.jobs.spawn { [runtime = context.runtime] in
        for sandbox in sandboxes { try? await runtime.stopSandbox(sandbox.id) }
        await self.stopped(uid)
      }
    }
  }
  private func stopped(_ uid: String) { stopping.remove(uid) }

  private func unclaimed() -> [String] {
    latest.filter { uid, observation in workers[uid] == nil && observation.containers.contains { $0.isAlive } && !isHot(uid) }.map(\.key)
  }

  /// By the Pod; before the API was seen by its sandbox, and before the runtime answered by the mark on disk.
  private func isHot(_ uid: String) -> Bool {
    if let hot: Bool = hot[uid] { return hot }
    if let sandboxes: [SandboxObservation] = latest[uid]?.sandboxes, !sandboxes.isEmpty { return sandboxes.allSatisfy(\.hot) }
    return context.volumes.isMarkedHot(uid)
  }

  /// Before the pod's first process.
  func noteTier(_ pod: KubeObject) {
    let isHot: Bool = !PodBlueprint.isExclusive(pod)
    guard hot.updateValue(isHot, forKey: pod.uid) != isHot, !context.runtime.isSimulated else { return }
    do { try context.volumes.markHot(pod.uid, isHot) } catch {
      context.logger.warning(
        "a fence after a restart of this kubelet will stop a hot pod as well: \(error)", metadata: ["pod": "\(pod.key)"])
    }
  }
}
