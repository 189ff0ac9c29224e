import KubeModel
import Keyspace
import Primitives

/// What admission adds to a write.
struct AdmissionPlan: Sendable {
  var reservations = Reservations()
  var guards: [WriteGuard] = []
  /// Reserved keys that this server chose itself: if somebody was faster, another choice is tried.
  var chosen: Set<Bytes> = []
}

/// What happens to an object between being understood and being stored, beyond what its schema says: defaults that depend on other
/// fields, allocations, and rules that need other objects. Nothing is remembered between calls.
struct Admission: Sendable {
  let configuration: APIServerConfiguration
  let storage: ObjectStorage
  let catalog: Catalog
  let names: NameSource
  let clock: any TimeSource

  func create(_ resource: Resource, _ object: inout KubeObject, user: UserInfo) async throws -> AdmissionPlan {
    var plan = AdmissionPlan()
    if resource.isNamespaced {
      let namespace: StoredObject = try await liveNamespace(resource, object)
      plan.guards.append(WriteGuard(key: storage.key(catalog.namespaces, Bytes(object.namespace)), revision: namespace.revision))
      // The guard holds for the tier as well: what the namespace said then it says when the pod is written.
      if resource.name == .pods { stampTier(&object, namespace: try namespace.object()) }
    }
    switch resource.name {
    case .pods: preparePod(&object)
    case .services: try await allocate(&object, old: nil, &plan)
    case .namespaces: labelNamespace(&object)
    case .nodes:
      try checkNode(resource, object.name, user: user)
      try await reservePodRange(object, old: nil, &plan)
    case .leases: try checkNodeLease(resource, object, user: user)
    case .failovers: try prepareFailover(resource, &object, user: user)
    case .gates: object.json["spec"]["changedBy"] = .string(user.name)
    case .vantages: try checkVantage(resource, object, user: user)
    case .decisions: try checkDecision(resource, object, user: user)
    case .runbookApprovals, .runbookRuns: signDecision(resource, &object, user: user)
    default: break
    }
    return plan
  }

  func update(_ resource: Resource, old: KubeObject, _ object: inout KubeObject, user: UserInfo) async throws -> AdmissionPlan {
    var plan = AdmissionPlan()
    switch resource.name {
    case .services: try await allocate(&object, old: old, &plan)
    case .namespaces: labelNamespace(&object)
    case .nodes: try await reservePodRange(object, old: old, &plan)
    case .leases: try checkActivation(resource, old: old, object)
    case .failovers: try checkApprovals(resource, old: old, &object, user: user)
    case .gates: if object.spec != old.spec { object.json["spec"]["changedBy"] = .string(user.name) }
    case .vantages: try checkVantage(resource, object, user: user)
    default: break
    }
    return plan
  }

  /// What an object gives back when it goes.
  func release(_ resource: Resource, _ object: KubeObject) -> Reservations {
    var reservations = Reservations()
    switch resource.name {
    case .services: reservations.released = serviceKeys(object)
    case .nodes: reservations.released = podRangeKeys(object)
    default: break
    }
    return reservations
  }

  /// What stands in a reservation's value.
  func owner(_ resource: String, _ object: KubeObject) -> Bytes {
    let owner: JSONValue = [
      "resource": .string(resource), "namespace": .string(object.namespace), "name": .string(object.name), "uid": .string(object.uid),
    ]
    return owner.serialized()
  }
}
