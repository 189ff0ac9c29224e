import KubeModel
import Primitives

/// Which of a ReplicaSet's pods go first when there are too many.
/// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
enum PodRanking {
  static let costAnnotation: String = "controller.kubernetes.io/pod-deletion-cost"

  /// `related`: active pods of all ReplicaSets of the same owner; nodes that carry more of them lose theirs first.
  static func firstToDelete(_ pods: [KubeObject], count: Int, related: [KubeObject]) -> [KubeObject] {
    guard count < pods.count else { return pods }
    var perNode: [String: Int] = [:]
    for pod in related where pod.isActivePod { perNode[pod.nodeName, default: 0] += 1 }
    let ranked: [(pod: KubeObject, rank: Rank)] = pods.map { ($0, Rank($0, neighbours: perNode[$0.nodeName] ?? 0)) }
    return ranked.sorted { $0.rank < $1.rank }.prefix(count).map(\.pod)
  }

  /// Smaller goes first.
  private struct Rank: Comparable {
    var assigned: Int
    var phase: Int
    var ready: Int
    var cost: Int64
    var neighbours: Int
    /// Seconds; younger (larger) first, hence negated. Not ready: 0.
    var readySince: Int64
    var restarts: Int64
    var created: Int64
    var name: String

    init(_ pod: KubeObject, neighbours: Int) {
      assigned = pod.nodeName.isEmpty ? 0 : 1
      phase = pod.podPhase == "Pending" ? 0 : pod.podPhase == "Running" ? 2 : 1
      ready = pod.isReadyPod ? 1 : 0
      cost = pod.annotations[PodRanking.costAnnotation].flatMap { Int64($0) } ?? 0
      self.neighbours = -neighbours
      readySince = -(pod.readySince?.secondsSince1970 ?? 0)
      restarts = -pod.mostRestarts
      created = -(pod.creationTimestamp?.secondsSince1970 ?? 0)
      name = pod.name
    }

    static func < (left: Self, right: Self) -> Bool {
      if (left.assigned, left.phase, left.ready, left.cost) != (right.assigned, right.phase, right.ready, right.cost) {
        return (left.assigned, left.phase, left.ready, left.cost) < (right.assigned, right.phase, right.ready, right.cost)
      }
      return (left.neighbours, left.readySince, left.restarts, left.created, left.name)
        < (right.neighbours, right.readySince, right.restarts, right.created, right.name)
    }
  }
}
