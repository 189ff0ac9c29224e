import KubeClient
import KubeModel
import Primitives

/// Revisions: which ReplicaSet is the new one, what number it has, what `kubectl rollout history` and `undo` read.
extension DeploymentSync {
  /// Brings the new set's annotations up to date, or makes the set. The Deployment gets the new set's revision.
  mutating func syncNew(creating: Bool) {
    let revision: String = String((old.map(\.revision).max() ?? 0) + 1)
    if let present: KubeObject = new {
      var changed: KubeObject = present
      annotate(&changed, revision: revision)
      if changed.spec["minReadySeconds"].int ?? 0 != facts.minReadySeconds {
        changed.json["spec"]["minReadySeconds"] = .int(facts.minReadySeconds)
      }
      if changed != present {
        write(changed)
        new = changed
      }
      setRevision(changed.annotations[DeploymentAnnotations.revision] ?? revision)
      if condition("Progressing") == nil, facts.progressDeadline != nil {
        setCondition(
          "Progressing", "True", reason: "FoundNewReplicaSet", message: "Found new replica set \"\(present.name)\"")
      }
      return
    }
    guard creating else { return }
    let template: JSONValue = deployment.spec["template"]
    let hash: String = TemplateHash.of(template, collisionCount: deployment.status["collisionCount"].int)
    var set = KubeObject(["apiVersion": "apps/v1", "kind": "ReplicaSet"])
    set.json["metadata"] = [
      "name": .string("\(deployment.name)-\(hash)"), "namespace": .string(deployment.namespace),
      "labels": template["metadata"]["labels"], "ownerReferences": [Ownership.reference(to: deployment, .deployments)],
    ]
    set.json["metadata"]["labels"][TemplateHash.label] = .string(hash)
    set.json["spec"]["replicas"] = .int(newCount(of: nil))
    if facts.minReadySeconds > 0 { set.json["spec"]["minReadySeconds"] = .int(facts.minReadySeconds) }
    set.json["spec"]["selector"] = deployment.spec["selector"]
    set.json["spec"]["selector"]["matchLabels"][TemplateHash.label] = .string(hash)
    set.json["spec"]["template"] = template
    set.json["spec"]["template"]["metadata"]["labels"][TemplateHash.label] = .string(hash)
    annotate(&set, revision: revision)
    setReplicaAnnotations(&set)
    actions.append(.create(.replicaSets, set))
    if set.specReplicas > 0 {
      actions.append(
        .event(
          deployment, .normal, reason: "ScalingReplicaSet", message: "Scaled up replica set \(set.name) from 0 to \(set.specReplicas)"))
    }
    new = set
    setRevision(revision)
    if facts.progressDeadline != nil {
      setCondition(
        "Progressing", "True", reason: "NewReplicaSetCreated", message: "Created new replica set \"\(set.name)\"", refresh: true)
    }
  }

  /// Copies the Deployment's annotations and moves the set to `revision` if that is higher than its own: a rollback gives an old
  /// template a new number, and the old number goes into its history.
  private func annotate(_ set: inout KubeObject, revision: String) {
    for (name, value) in deployment.annotations.sorted(by: { $0.key < $1.key })
    where !DeploymentAnnotations.notCopied.contains(name) && set.annotations[name] != value {
      set.json["metadata"]["annotations"][name] = .string(value)
    }
    let had: String? = set.annotations[DeploymentAnnotations.revision]
    guard set.revision < Int64(revision) ?? 0 else { return }
    set.json["metadata"]["annotations"][DeploymentAnnotations.revision] = .string(revision)
    guard let had else { return }
    var history: [Substring] = set.annotations[DeploymentAnnotations.revisionHistory]?.split(separator: ",") ?? []
    history.append(Substring(had))
    while history.joined(separator: ",").utf8.count > ControllerLimits.revisionHistoryBytes { history.removeFirst() }
    set.json["metadata"]["annotations"][DeploymentAnnotations.revisionHistory] = .string(history.joined(separator: ","))
  }

  private mutating func setRevision(_ revision: String) {
    guard deployment.annotations[DeploymentAnnotations.revision] != revision else { return }
    deployment.json["metadata"]["annotations"][DeploymentAnnotations.revision] = .string(revision)
    // Last of all: it changes the resourceVersion that the status is written with.
    last = .patch(
      .deployments, namespace: deployment.namespace, name: deployment.name, .merge,
      ["metadata": ["annotations": [DeploymentAnnotations.revision: .string(revision)]]])
  }
}
