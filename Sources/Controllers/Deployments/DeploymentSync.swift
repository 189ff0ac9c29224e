import KubeClient
import KubeModel
import Primitives

/// One look at a Deployment and its ReplicaSets, and what to do about them. Pure: changes are made to the copies in `old` and `new`
/// and noted as actions. One step per look, as in Kubernetes: what a step changes brings the next look.
///
///     claim ─▶ paused or scaled? ── yes ─▶ scale ─────────────────────┐
///                  │ no                                               ▼
///                  ├─ RollingUpdate: new up by surge, old down by what is available ─▶ status
///                  └─ Recreate: old to zero, wait for their pods, new up ─────────────▶ status
struct DeploymentSync: Sendable {
  /// With the conditions and the revision as they become.
  var deployment: KubeObject
  /// As it was read.
  let original: KubeObject
  let facts: DeploymentFacts
  /// The ReplicaSet with the Deployment's own template; nil until it exists.
  var new: KubeObject?
  /// All others of this Deployment, oldest first.
  var old: [KubeObject]
  /// Pods of `old`, those that end included.
  let oldPods: [KubeObject]
  let now: WallTime
  var actions: [Action] = []
  var last: Action?

  /// `sets`: the ReplicaSets of the namespace. `pods`: the pods of the namespace, by the uid of their controller.
  init(_ deployment: KubeObject, sets: [KubeObject], pods: (_ controllerUID: String) -> [KubeObject], now: WallTime) throws {
    let selector = try LabelSelector(object: deployment.spec["selector"])
    let claim = Ownership.claim(sets, for: deployment, .deployments, .replicaSets, selector: selector)
    let template: JSONValue = deployment.spec["template"]
    let ordered: [KubeObject] = claim.claimed.sorted(by: Self.older)
    // Two with the same template can exist where the hash of an older program differed: the oldest is the one that kubectl sees.
    let new: KubeObject? = ordered.first { TemplateHash.isEqual($0.spec["template"], template) }
    self.deployment = deployment
    original = deployment
    self.new = new
    old = ordered.filter { $0.uid != new?.uid }
    oldPods = old.flatMap { pods($0.uid) }
    facts = DeploymentFacts(deployment)
    self.now = now
    actions = claim.actions
  }

  static func older(_ left: KubeObject, _ right: KubeObject) -> Bool {
    let (first, second) = (left.creationTimestamp?.secondsSince1970 ?? 0, right.creationTimestamp?.secondsSince1970 ?? 0)
    return (first, left.name) < (second, right.name)
  }

  var all: [KubeObject] { old + (new.map { [$0] } ?? []) }

  mutating func run() -> [Action] {
    step()
    return actions + (last.map { [$0] } ?? [])
  }

  private mutating func step() {
    if deployment.isBeingDeleted {
      writeStatus(progressing: false)
      return
    }
    notePause()
    if facts.paused || isScaling {
      syncNew(creating: false)
      scale()
      if facts.paused { cleanUp() }
      writeStatus(progressing: false)
      return
    }
    if facts.recreates { recreate() } else { rollingUpdate() }
  }

  /// Somebody changed `spec.replicas` while sets of several revisions have pods.
  private var isScaling: Bool {
    all.contains { set in
      guard set.specReplicas > 0, let desired = set.annotations[DeploymentAnnotations.desired].flatMap({ Int64($0) }) else { return false }
      return desired != facts.replicas
    }
  }

  /// Sets a ReplicaSet's count and the annotations that proportional scaling reads; tells it as an event.
  mutating func scale(_ set: KubeObject, to count: Int64) -> KubeObject {
    var changed: KubeObject = set
    setReplicaAnnotations(&changed)
    changed.json["spec"]["replicas"] = .int(count)
    guard changed != set else { return set }
    write(changed)
    if count != set.specReplicas {
      let direction: String = count > set.specReplicas ? "up" : "down"
      actions.append(
        .event(
          deployment, .normal, reason: "ScalingReplicaSet",
          message: "Scaled \(direction) replica set \(set.name) from \(set.specReplicas) to \(count)"))
    }
    return changed
  }

  /// One write per set and step: a second one would stand on a resourceVersion that the first has changed.
  mutating func write(_ set: KubeObject) {
    let index: Int? = actions.firstIndex { action in
      if case .update(.replicaSets, let before, nil) = action { before.uid == set.uid } else { false }
    }
    if let index { actions[index] = .update(.replicaSets, set) } else { actions.append(.update(.replicaSets, set)) }
  }

  func setReplicaAnnotations(_ set: inout KubeObject) {
    set.json["metadata"]["annotations"][DeploymentAnnotations.desired] = .string(String(facts.replicas))
    set.json["metadata"]["annotations"][DeploymentAnnotations.most] = .string(String(facts.maxTotal))
  }

  /// Old sets without pods beyond `revisionHistoryLimit` go, oldest revision first.
  mutating func cleanUp() {
    let empty: [KubeObject] = old.filter { set in
      set.specReplicas == 0 && set.statusReplicas == 0 && !set.isBeingDeleted
        && (set.status["observedGeneration"].int ?? 0) >= set.generation
    }
    let alive: Int = old.count { !$0.isBeingDeleted }
    let surplus: Int = alive - Int(facts.historyLimit)
    guard surplus > 0 else { return }
    for set in empty.sorted(by: { $0.revision < $1.revision }).prefix(surplus) {
      actions.append(.delete(.replicaSets, namespace: set.namespace, name: set.name, DeleteOptions(uid: set.uid)))
    }
  }
}
