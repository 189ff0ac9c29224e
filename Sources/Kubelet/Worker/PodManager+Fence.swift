import KubeModel
import Primitives

extension PodManager {
  /// Carries out the position that stands now; `positions` is asked here, so that of two callers the later one's answer counts. Processes
  /// are killed before this returns, through the runtime they end later (`quiet`).
  func turnFence(_ positions: @Sendable () -> FencePositions) async {
    fence = positions()
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
        if let reason: String = fence.reason(worker.namespace) {
          await worker.fence(reason: reason)
        } else {
          await worker.unfence()
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
    guard fence.isUpSomewhere, context.configuration.fencesExclusivePods, !root.isEmpty else { return }
    for uid in CgroupKiller.pods(below: root) where !isHot(uid) && fence.reason(namespace(uid)) != nil {
      CgroupKiller.kill("\(root)/pod\(uid)")
    }
  }

  /// Returns when no exclusive pod that is known has a process left, or after `KubeletLimits.fenceWait`.
  /// - Parameter namespace: nil: of all.
  func quiet(namespace: String? = nil) async {
    await withDiscardingTaskGroup { group in
      for worker in workers.values where namespace == nil || worker.namespace == namespace { group.addTask { await worker.quiet() } }
    }
  }

  /// Exclusive pods that have a container running or starting here. Nil: nobody knows yet, since the runtime has not said what it has, or
  /// the API not what belongs here.
  /// - Parameter counted: by namespace; nil where nobody knows it.
  func exclusivePods(_ counted: (String?) -> Bool) async -> Int? {
    guard observed, apiSeen else { return nil }
    var count: Int = 0
    for worker in workers.values where counted(worker.namespace) {
      guard await worker.isExclusive else { continue }
      count += await worker.lifecycle.isQuiet ? 0 : 1
    }
    // Pods that are gone from the API run on until they are cleared away.
    count += unclaimed().count { counted(namespace($0)) }
    return count
  }

  /// Before the API was seen there are no workers; what runs is known by its sandboxes alone.
  func stopUnclaimed() {
    guard fence.isUpSomewhere, context.configuration.fencesExclusivePods, !apiSeen else { return }
    for uid in unclaimed() where fence.reason(namespace(uid)) != nil && stopping.insert(uid).inserted {
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

  /// Found like the tier: by the Pod, its sandbox, or the mark on disk.
  private func namespace(_ uid: String) -> String? {
    namespaces[uid] ?? latest[uid]?.sandboxes.first?.namespace ?? context.volumes.markedNamespace(uid)
  }

  /// Before the pod's first process.
  func noteTier(_ pod: KubeObject) {
    if namespaces.updateValue(pod.namespace, forKey: pod.uid) == nil, !context.runtime.isSimulated {
      do { try context.volumes.mark(pod.uid, namespace: pod.namespace) } catch {
        context.logger.warning(
          "a fence after a restart of this kubelet will treat a pod as one of any namespace: \(error)", metadata: ["pod": "\(pod.key)"])
      }
    }
    let isHot: Bool = !PodBlueprint.isExclusive(pod)
    guard hot.updateValue(isHot, forKey: pod.uid) != isHot, !context.runtime.isSimulated else { return }
    do { try context.volumes.markHot(pod.uid, isHot) } catch {
      context.logger.warning(
        "a fence after a restart of this kubelet will stop a hot pod as well: \(error)", metadata: ["pod": "\(pod.key)"])
    }
  }
}
