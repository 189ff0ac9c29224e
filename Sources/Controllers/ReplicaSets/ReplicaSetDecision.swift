import KubeClient
import KubeModel
import Primitives

/// What one look at a ReplicaSet and the pods of its namespace leads to. Pure.
struct ReplicaSetDecision: Sendable {
  /// Owner references to set or to take away, first of all.
  var claims: [Action] = []
  /// To be created, as many as this.
  var creations: Int = 0
  var deletions: [KubeObject] = []
  /// Pods that count, for the status.
  var claimed: [KubeObject] = []

  /// `satisfied`: everything done before is visible in `pods`. Otherwise nothing is created or deleted.
  init(_ set: KubeObject, pods: [KubeObject], related: [KubeObject], satisfied: Bool) throws {
    let selector = try LabelSelector(object: set.spec["selector"])
    let claim = Ownership.claim(pods.filter { !$0.isTerminated }, for: set, .replicaSets, .pods, selector: selector)
    claims = claim.actions
    claimed = claim.claimed.filter(\.isActivePod)
    guard satisfied, !set.isBeingDeleted else { return }
    let wanted: Int = Int(set.spec["replicas"].int ?? 1)
    let surplus: Int = claimed.count - wanted
    if surplus < 0 { creations = min(-surplus, ControllerLimits.burstReplicas) }
    if surplus > 0 {
      deletions = PodRanking.firstToDelete(claimed, count: min(surplus, ControllerLimits.burstReplicas), related: related + claimed)
    }
  }

  /// The pod that a ReplicaSet's template describes.
  static func pod(of set: KubeObject) -> KubeObject {
    let template: JSONValue = set.spec["template"]
    var pod = KubeObject(["apiVersion": "v1", "kind": "Pod"])
    pod.json["metadata"] = ["generateName": .string("\(set.name)-"), "namespace": .string(set.namespace)]
    for field in ["labels", "annotations", "finalizers"] where !template["metadata"][field].isNull {
      pod.json["metadata"][field] = template["metadata"][field]
    }
    // The owner's tier, where the template has none; a Deployment's annotations are its sets' as well.
    if let tier: WorkloadTier = .named(byWorkload: set) {
      pod.json["metadata"]["annotations"][WorkloadTier.annotation] = .string(tier.rawValue)
    }
    pod.json["metadata"]["ownerReferences"] = [Ownership.reference(to: set, .replicaSets)]
    pod.json["spec"] = template["spec"]
    return pod
  }
}
