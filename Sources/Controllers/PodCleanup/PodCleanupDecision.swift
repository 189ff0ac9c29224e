import KubeClient
import KubeModel
import Primitives

/// Which pods nobody will ever finish. Pure.
/// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
struct PodCleanupDecision: Sendable {
  /// Removed from the API at once, since no kubelet will report their end.
  private(set) var forced: [(pod: KubeObject, why: String)] = []

  /// `nodes`: by name. `vanished`: nodes that were looked for and are really gone. `terminatedThreshold`: ended pods kept for
  /// people to look at; 0 keeps all.
  init(pods: [KubeObject], nodes: [String: KubeObject], vanished: Set<String>, terminatedThreshold: Int) {
    var chosen: Set<String> = []
    func force(_ pod: KubeObject, _ why: String) {
      if chosen.insert(pod.uid).inserted { forced.append((pod, why)) }
    }
    for pod in pods.sorted(by: { $0.key < $1.key }) {
      let node: String = pod.nodeName
      if node.isEmpty {
        if pod.isBeingDeleted { force(pod, "it is being deleted and never had a node") }
      } else if vanished.contains(node) {
        force(pod, "its node \(node) does not exist any more")
      } else if let fenced: Taint = nodes[node]?.taints.first(where: { $0.key == Taint.fenced }), !Self.outlivesFence(pod) {
        force(pod, "its node \(node) is fenced in epoch \(fenced.value)")
      }
    }
    guard terminatedThreshold > 0 else { return }
    let ended: [KubeObject] = pods.filter { $0.isTerminated && !$0.isBeingDeleted }
    for pod in ended.sorted(by: Self.older).prefix(max(0, ended.count - terminatedThreshold)) {
      force(pod, "more than \(terminatedThreshold) ended pods are kept")
    }
  }

  /// Only a toleration that names the taint counts: "tolerates everything" was written by people who thought of one center. `hot` pods
  /// are given some seconds (`EvictionPlan`).
  static func outlivesFence(_ pod: KubeObject) -> Bool {
    WorkloadTier(pod).isEverywhere
      || pod.spec["tolerations"].array.contains {
        $0["key"].string == Taint.fenced && ["", "NoExecute"].contains($0["effect"].string ?? "")
      }
  }

  private static func older(_ left: KubeObject, _ right: KubeObject) -> Bool {
    (left.creationTimestamp?.secondsSince1970 ?? 0, left.key) < (right.creationTimestamp?.secondsSince1970 ?? 0, right.key)
  }

  var actions: [Action] {
    forced.map { .delete(.pods, namespace: $0.pod.namespace, name: $0.pod.name, DeleteOptions(gracePeriodSeconds: 0, uid: $0.pod.uid)) }
  }
}
