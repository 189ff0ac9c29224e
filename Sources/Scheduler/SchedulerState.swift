import KubeModel
import Primitives

/// View, queue and the choice between equals: what the scheduler knows, and how events change it. Pure; `Scheduler` guards it with one
/// lock.
struct SchedulerState: Sendable {
  private(set) var view = ClusterView()
  private(set) var queue = SchedulingQueue()
  private var random: SeededRandom
  private var center: CenterName?
  private var placed: [String: CenterName?] = [:]
  private let schedulerName: String

  init(schedulerName: String, seed: UInt64) {
    self.schedulerName = schedulerName
    random = SeededRandom(seed: seed)
  }

  mutating func onPod(_ object: KubeObject, now: MonotonicTime) {
    let pod = PodInfo(object)
    let wasPlaced: Bool = view.isPlaced(pod.uid)
    let starting: Int = view.nodes[pod.nodeName]?.starting ?? 0
    view.setPod(pod)
    if (view.nodes[pod.nodeName]?.starting ?? 0) < starting { queue.onStarted() }
    if !pod.nodeName.isEmpty || pod.isTerminated || pod.isBeingDeleted || pod.isGated || !isOurs(pod) {
      queue.remove(pod.key)
      if pod.isTerminated, wasPlaced { queue.onChange([.resources, .ports, .podAffinity, .spread], now: now) }
      if pod.counts { queue.onChange([.podAffinity, .spread], now: now) }
    } else if !wasPlaced {
      queue.add(pod, now: now)
    }
  }

  mutating func onPodGone(_ object: KubeObject, now: MonotonicTime) {
    let wasPlaced: Bool = view.isPlaced(object.uid)
    view.removePod(object.uid)
    queue.remove(object.key)
    if wasPlaced {
      queue.onChange([.resources, .ports, .podAffinity, .spread], now: now)
      queue.onStarted()
    }
  }

  /// Heartbeats change nothing that is looked at here, and wake nobody.
  mutating func onNode(_ node: KubeObject, now: MonotonicTime) {
    let before: NodeInfo? = view.nodes[node.name]
    view.setNode(node)
    guard let after: NodeInfo = view.nodes[node.name] else { return }
    let same: Bool =
      before?.exists == true && before?.labels == after.labels && before?.taints == after.taints && before?.isReady == after.isReady
      && before?.isUnschedulable == after.isUnschedulable && before?.allocatable == after.allocatable
      && before?.allowedPods == after.allowedPods
    if !same { queue.onChange([.center, .node, .resources, .ports, .podAffinity, .spread], now: now) }
  }
  mutating func onNodeGone(_ node: KubeObject, now: MonotonicTime) {
    view.removeNode(node.name)
    queue.onChange([.spread, .podAffinity], now: now)
  }
  mutating func onNamespace(_ namespace: KubeObject, now: MonotonicTime) {
    guard view.namespaceLabels[namespace.name] != namespace.labels else { return }
    view.setNamespace(namespace)
    queue.onChange([.podAffinity], now: now)
  }
  mutating func onNamespaceGone(_ name: String) { view.removeNamespace(name) }

  /// True if it changed.
  /// - Parameter placed: namespaces that belong to another center; nil: to none now.
  mutating func onCenter(_ active: CenterName?, placed: [String: CenterName?] = [:]) -> Bool {
    guard active != center || placed != self.placed else { return false }
    center = active
    self.placed = placed
    queue.onCenterChange()
    return true
  }

  /// The next pod and what was decided for it; a node chosen counts as taken from now on. Nil when nobody is ready.
  mutating func decide() -> (pod: PodInfo, outcome: SchedulingCycle.Outcome)? {
    guard let pod: PodInfo = queue.pop() else { return nil }
    let outcome: SchedulingCycle.Outcome = SchedulingCycle.run(pod, in: view, active: placed[pod.namespace] ?? center, random: &random)
    if case .node(let node) = outcome { view.assume(pod, on: node) }
    return (pod, outcome)
  }

  mutating func onUnschedulable(_ pod: PodInfo, kinds: Set<Refusal.Kind>, now: MonotonicTime) {
    queue.onUnschedulable(pod.key, kinds: kinds, now: now)
  }
  mutating func onBound(_ pod: PodInfo) { queue.remove(pod.key) }
  mutating func onBindingFailed(_ pod: PodInfo, now: MonotonicTime) {
    view.forget(pod.uid)
    queue.onFailed(pod.key, now: now)
  }
  mutating func onTick(_ now: MonotonicTime) -> MonotonicTime? { queue.onTick(now) }

  private func isOurs(_ pod: PodInfo) -> Bool { pod.schedulerName.isEmpty || pod.schedulerName == schedulerName }
}
