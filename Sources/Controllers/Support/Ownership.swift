import KubeClient
import KubeModel

/// Who owns whom. https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/
enum Ownership {
  /// The reference that makes `owner` the controller of an object.
  static func reference(to owner: KubeObject, _ resource: ResourceName) -> JSONValue {
    [
      "apiVersion": .string(resource.apiVersion), "kind": .string(resource.kind), "name": .string(owner.name), "uid": .string(owner.uid),
      "controller": true, "blockOwnerDeletion": true,
    ]
  }

  static func isControlled(_ object: KubeObject, by owner: KubeObject) -> Bool { object.controllerReference?["uid"].string == owner.uid }

  /// Which of the candidates belong to `owner`, and what it takes to make that so: matching objects without a controller are
  /// adopted, own ones that do not match any more are released.
  static func claim(
    _ candidates: [KubeObject], for owner: KubeObject, _ ownerResource: ResourceName, _ resource: ResourceName, selector: LabelSelector
  ) -> (claimed: [KubeObject], actions: [Action]) {
    var claimed: [KubeObject] = []
    var actions: [Action] = []
    for candidate in candidates where candidate.namespace == owner.namespace {
      let matches: Bool = selector.matches(candidate.labels)
      if let controller: JSONValue = candidate.controllerReference {
        guard controller["uid"].string == owner.uid else { continue }
        if matches {
          claimed.append(candidate)
        } else if !owner.isBeingDeleted {
          actions.append(release(candidate, from: owner, resource))
        }
      } else if matches, !owner.isBeingDeleted, !candidate.isBeingDeleted {
        claimed.append(candidate)
        actions.append(adopt(candidate, by: owner, ownerResource, resource))
      }
    }
    return (claimed, actions)
  }

  /// The uid in the patch makes it fail on an object of the same name that came later.
  private static func adopt(_ object: KubeObject, by owner: KubeObject, _ ownerResource: ResourceName, _ resource: ResourceName) -> Action {
    references(object, object.ownerReferences + [reference(to: owner, ownerResource)], resource)
  }

  private static func release(_ object: KubeObject, from owner: KubeObject, _ resource: ResourceName) -> Action {
    references(object, object.ownerReferences.filter { $0["uid"].string != owner.uid }, resource)
  }

  /// Sets an object's owner references if it is still the object that was looked at.
  static func references(_ object: KubeObject, _ references: [JSONValue], _ resource: ResourceName) -> Action {
    .patch(
      resource, namespace: object.namespace, name: object.name, .merge,
      [
        "metadata": [
          "uid": .string(object.uid), "resourceVersion": .string(object.resourceVersion), "ownerReferences": .array(references),
        ]
      ])
  }
}
