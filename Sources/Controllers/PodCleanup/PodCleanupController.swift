import KubeClient
import KubeModel
import Logging
import Primitives
import Synchronization

/// Removes pods that no kubelet will finish: of vanished nodes, of fenced nodes (at once), ended ones beyond a number.
final class PodCleanupController: Reconciler {
  let name: String = "podcleanup"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let pods: Informer
  private let nodes: Informer
  private let terminatedThreshold: Int
  private let period: Duration
  /// Since when a node that pods name has not been there. A node may be new to us only.
  private let missing: Mutex<[String: MonotonicTime]> = Mutex([:])
  private let quarantine: Duration
  private let logger = Logger(label: "controllers.podcleanup")
  private static let round: String = "round"

  init(_ environment: ControllerEnvironment, terminatedThreshold: Int, period: Duration, quarantine: Duration) {
    self.environment = environment
    self.terminatedThreshold = terminatedThreshold
    self.period = period
    self.quarantine = quarantine
    queue = WorkQueue(name: name, limits: WorkQueueLimits(longestRetry: .seconds(5)), clock: environment.clock)
    pods = environment.informers.informer(.pods, indexes: [.node])
    nodes = environment.informers.informer(.nodes)
    nodes.onChange { [queue] node in if node.isFencedNode { queue.add(Self.round) } }
    nodes.onDelete { [queue] _ in queue.add(Self.round) }
    pods.onAdd { [queue, weak self] pod in if self?.nodes.cache[pod.nodeName]?.isFencedNode == true { queue.add(Self.round) } }
    pods.onUpdate { [queue, weak self] _, pod in
      if self?.nodes.cache[pod.nodeName]?.isFencedNode == true || (pod.isBeingDeleted && pod.nodeName.isEmpty) { queue.add(Self.round) }
    }
  }

  func background() async throws {
    while true {
      queue.add(Self.round)
      try await Task.sleep(for: period)
    }
  }

  func reconcile(_ key: String) async throws {
    let nodes: [String: KubeObject] = Dictionary(self.nodes.cache.all.map { ($0.name, $0) }) { first, _ in first }
    let decision = PodCleanupDecision(
      pods: pods.cache.all, nodes: nodes, vanished: try await vanished(nodes), terminatedThreshold: terminatedThreshold)
    if !decision.forced.isEmpty {
      logger.info("removing \(decision.forced.count) pods", metadata: ["first": "\(decision.forced[0].pod.key): \(decision.forced[0].why)"])
    }
    let runner: ActionRunner = environment.runner
    try await withThrowingTaskGroup(of: Void.self) { group in
      var under: Int = 0
      for action in decision.actions {
        if under >= ControllerLimits.concurrentDeletions { try await group.next() } else { under += 1 }
        group.addTask {
          do {
            try await runner.run([action])
          } catch let error as KubeError where error.code == .conflict {
            return  // another pod of that name by now
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Nodes missing for longer than the quarantine, asked for once more at the server.
  private func vanished(_ nodes: [String: KubeObject]) async throws -> Set<String> {
    let named: Set<String> = Set(pods.cache.all.map(\.nodeName)).subtracting(nodes.keys).subtracting([""])
    let now: MonotonicTime = environment.clock.now()
    let due: [String] = missing.withLock { missing in
      missing = missing.filter { named.contains($0.key) }
      for node in named where missing[node] == nil { missing[node] = now }
      return missing.filter { now - $0.value >= quarantine }.keys.sorted()
    }
    if !named.isEmpty, due.count < named.count { queue.add(Self.round, after: quarantine) }
    var gone: Set<String> = []
    for node in due where try await environment.client.find(.nodes, name: node) == nil { gone.insert(node) }
    return gone
  }
}
