import KubeModel

/// The activation record: the Lease that says which center is active. Whoever deletes it or turns its epoch back takes the fence away from
/// between the centers, so nobody may, whatever else they may do.
extension Admission {
  static let activationNamespace: String = "tricenter-system"

  static func isActivation(_ resource: Resource, namespace: String, name: String) -> Bool {
    resource.name == .leases && namespace == activationNamespace && name.hasPrefix("activation-")
  }

  /// Throws 403 for what nobody may delete.
  static func checkDeletion(_ resource: Resource, namespace: String, name: String) throws {
    if resource.name == .namespaces, immortalNamespaces.contains(name) {
      throw KubeStatus.forbidden(resource.name, name: name, "this namespace may not be deleted")
    }
    if isActivation(resource, namespace: namespace, name: name) {
      throw KubeStatus.forbidden(
        resource.name, name: name,
        "this lease is the activation record, which keeps two centers from being active at once, and may not be deleted; "
          + "to keep the cluster where it is, set spec.paused of its Cluster")
    }
  }

  func checkActivation(_ resource: Resource, old: KubeObject, _ new: KubeObject) throws {
    guard Self.isActivation(resource, namespace: old.namespace, name: old.name), let before: Int64 = old.spec["leaseTransitions"].int,
      (new.spec["leaseTransitions"].int ?? 0) < before
    else { return }
    throw KubeStatus.forbidden(
      resource.name, name: old.name, "spec.leaseTransitions is the epoch of the activation, \(before) by now, and never falls")
  }
}
