import KubeClient
import KubeModel

/// What becomes of an object by the state of its owners. Pure.
/// https://kubernetes.io/docs/concepts/architecture/garbage-collection/
enum GarbageDecision {
  enum OwnerState: Hashable, Sendable {
    /// There, and not waiting for its dependents to go.
    case solid
    case absent
    /// Being deleted in the foreground.
    case waiting
  }

  /// `owners` has the state of each of the object's owners by uid.
  static func collect(
    _ object: KubeObject, _ resource: ResourceName, owners: [String: OwnerState], hasDependents: Bool
  ) -> [Action] {
    let references: [JSONValue] = object.ownerReferences
    guard !references.isEmpty else { return [] }
    func state(_ reference: JSONValue) -> OwnerState { owners[reference["uid"].string ?? ""] ?? .solid }
    let solid: [JSONValue] = references.filter { state($0) == .solid }
    if !solid.isEmpty {
      return solid.count == references.count ? [] : [Ownership.references(object, solid, resource)]
    }
    let waits: Bool = references.contains { state($0) == .waiting }
    if object.isBeingDeleted { return [] }
    let propagation: DeleteOptions.Propagation
    if waits, hasDependents {
      propagation = .foreground  // its owner waits for it, so it waits for its own
    } else if object.finalizers.contains(GarbageFinalizer.orphan) {
      propagation = .orphan
    } else if object.finalizers.contains(GarbageFinalizer.foreground) {
      propagation = .foreground
    } else {
      propagation = .background
    }
    // Not if somebody changed it meanwhile: it may have got an owner.
    return [
      .delete(
        resource, namespace: object.namespace, name: object.name,
        DeleteOptions(propagation: propagation, uid: object.uid, resourceVersion: object.resourceVersion))
    ]
  }

  /// Takes one of our finalizers off.
  static func unblock(_ object: KubeObject, _ resource: ResourceName, finalizer: String) -> [Action] {
    guard object.finalizers.contains(finalizer) else { return [] }
    return [
      .patch(
        resource, namespace: object.namespace, name: object.name, .merge,
        [
          "metadata": [
            "uid": .string(object.uid), "resourceVersion": .string(object.resourceVersion),
            "finalizers": .array(object.finalizers.filter { $0 != finalizer }.map { .string($0) }),
          ]
        ])
    ]
  }

  /// Takes one owner away from a dependent.
  static func orphan(_ dependent: KubeObject, _ resource: ResourceName, owner: String) -> [Action] {
    let left: [JSONValue] = dependent.ownerReferences.filter { $0["uid"].string != owner }
    return left.count == dependent.ownerReferences.count ? [] : [Ownership.references(dependent, left, resource)]
  }
}
