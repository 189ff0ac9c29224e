import KubeClient
import KubeModel
import Primitives

/// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
extension DeploymentSync {
  mutating func rollingUpdate() {
    syncNew(creating: true)
    if scaleNewUp() || scaleOldDown() {
      writeStatus(progressing: true)
      return
    }
    if isComplete(status()) { cleanUp() }
    writeStatus(progressing: true)
  }

  /// How many pods the new set may have now: never more in total than `maxTotal`.
  func newCount(of set: KubeObject?) -> Int64 {
    let count: Int64 = set?.specReplicas ?? 0
    if facts.recreates { return facts.replicas }
    let total: Int64 = old.reduce(0) { $0 + $1.specReplicas } + count
    guard total < facts.maxTotal else { return count }
    return count + max(0, min(facts.maxTotal - total, facts.replicas - count))
  }

  private mutating func scaleNewUp() -> Bool {
    guard let set: KubeObject = new, !set.uid.isEmpty, set.specReplicas != facts.replicas else { return false }
    let count: Int64 = set.specReplicas > facts.replicas ? facts.replicas : newCount(of: set)
    guard count != set.specReplicas else { return false }
    new = scale(set, to: count)
    return true
  }

  /// Takes from old sets what the pods available elsewhere allow: first pods that do not work anyway, then the oldest sets' working ones.
  private mutating func scaleOldDown() -> Bool {
    guard old.contains(where: { $0.specReplicas > 0 }), let set: KubeObject = new else { return false }
    let total: Int64 = all.reduce(0) { $0 + $1.specReplicas }
    let newMissing: Int64 = set.specReplicas - set.availableReplicas
    let most: Int64 = total - facts.minAvailable - newMissing
    guard most > 0 else { return false }
    var counts: [Int64] = old.map(\.specReplicas)
    var taken: Int64 = 0
    for index in old.indices where counts[index] > 0 && counts[index] != old[index].availableReplicas {
      let unhealthy: Int64 = min(most - taken, max(0, counts[index] - old[index].availableReplicas))
      counts[index] -= unhealthy
      taken += unhealthy
    }
    var spare: Int64 = all.reduce(0) { $0 + $1.availableReplicas } - facts.minAvailable
    for index in old.indices where counts[index] > 0 && spare > 0 {
      let some: Int64 = min(counts[index], spare)
      counts[index] -= some
      spare -= some
    }
    var changed: Bool = false
    for index in old.indices where counts[index] != old[index].specReplicas {
      old[index] = scale(old[index], to: counts[index])
      changed = true
    }
    return changed
  }

  mutating func recreate() {
    syncNew(creating: false)
    var scaled: Bool = false
    for index in old.indices where old[index].specReplicas > 0 {
      old[index] = scale(old[index], to: 0)
      scaled = true
    }
    // Pods that are ending still run: the new ones must not meet them.
    if scaled || oldPods.contains(where: { !$0.isTerminated }) {
      writeStatus(progressing: true)
      return
    }
    if new == nil {
      syncNew(creating: true)
    } else if let set: KubeObject = new, set.specReplicas != facts.replicas {
      new = scale(set, to: facts.replicas)
    }
    if isComplete(status()) { cleanUp() }
    writeStatus(progressing: true)
  }
}
