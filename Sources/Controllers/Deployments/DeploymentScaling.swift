import KubeModel

/// Scaling while several revisions have pods, and while paused.
/// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
extension DeploymentSync {
  mutating func scale() {
    let active: [KubeObject] = all.filter { $0.specReplicas > 0 }
    if active.count <= 1 {
      // The one with pods; or else the new one; or else the latest.
      guard let only: KubeObject = active.first ?? new ?? old.max(by: { $0.revision < $1.revision }) else { return }
      if only.specReplicas != facts.replicas || only.annotations[DeploymentAnnotations.desired] != String(facts.replicas) {
        replace(scale(only, to: facts.replicas))
      }
      return
    }
    if let set: KubeObject = new, isSaturated(set) {
      for index in old.indices where old[index].specReplicas > 0 { old[index] = scale(old[index], to: 0) }
      return
    }
    guard !facts.recreates else { return }
    let allowed: Int64 = facts.replicas > 0 ? facts.maxTotal : 0
    let change: Int64 = allowed - active.reduce(0) { $0 + $1.specReplicas }
    // The largest first; of equals the newer one when growing, the older one when shrinking.
    let ordered: [KubeObject] = active.sorted { left, right in
      if left.specReplicas != right.specReplicas { return left.specReplicas > right.specReplicas }
      return change > 0 ? Self.older(right, left) : Self.older(left, right)
    }
    var counts: [Int64] = ordered.map(\.specReplicas)
    var done: Int64 = 0
    for (index, set) in ordered.enumerated() where change != 0 {
      let share: Int64 = fraction(set)
      let left: Int64 = change - done
      let part: Int64 = change > 0 ? min(share, left) : max(share, left)
      counts[index] += part
      done += part
    }
    if !counts.isEmpty { counts[0] = max(0, counts[0] + change - done) }
    for (index, set) in ordered.enumerated() { replace(scale(set, to: max(0, counts[index]))) }
  }

  /// By how much a set's part of the whole changes, from the whole that it was made for to the whole now.
  private func fraction(_ set: KubeObject) -> Int64 {
    guard facts.replicas > 0 else { return -set.specReplicas }
    let before: Int64 = set.annotations[DeploymentAnnotations.most].flatMap { Int64($0) } ?? deployment.statusReplicas
    guard before > 0 else { return 0 }
    let part: Double = Double(set.specReplicas * facts.maxTotal) / Double(before)
    return Int64(part.rounded()) - set.specReplicas
  }

  private func isSaturated(_ set: KubeObject) -> Bool {
    set.annotations[DeploymentAnnotations.desired] == String(facts.replicas) && set.specReplicas == facts.replicas
      && set.availableReplicas == facts.replicas
  }

  private mutating func replace(_ set: KubeObject) {
    if set.uid == new?.uid {
      new = set
    } else if let index: Int = old.firstIndex(where: { $0.uid == set.uid }) {
      old[index] = set
    }
  }
}
