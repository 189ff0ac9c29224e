import KubeModel
import Keyspace
import Primitives

extension Handlers {
  /// What a change makes of an object.
  enum Change: Sendable {
    /// `plan` holds what the write takes or gives back besides.
    case write(KubeObject, AdmissionPlan)
    case delete
    /// Nothing to write; the object as it is answers.
    case keep
  }
  enum Changed: Sendable {
    case stored(KubeObject)
    case deleted(KubeObject)
  }

  /// Reads, changes and writes until nobody came between. The first try works on what the cache has: if that is old, the transaction
  /// fails and brings the newest along. A refusal by `change` from an old object is not believed either.
  func guaranteedUpdate(
    _ resource: Resource, _ info: RequestInfo, dryRun: Bool, change: (KubeObject) async throws -> Change
  ) async throws -> Changed {
    let path: Bytes = resource.path(namespace: info.namespace, name: info.name)
    var current: StoredObject? = resource.hub.object(path)
    var isNewest: Bool = false
    if current == nil {
      current = try await storage.get(resource, path)
      isNewest = true
    }
    for _ in 0..<limits.updateTries {
      guard let base: StoredObject = current else { throw KubeStatus.notFound(resource.name, name: info.name) }
      let object: KubeObject = try base.object()
      let wanted: Change
      do {
        wanted = try await change(object)
      } catch let error as KubeStatus {
        if isNewest { throw error }
        let newest: StoredObject? = try await storage.get(resource, path)
        isNewest = true
        if newest?.revision == base.revision { throw error }
        current = newest
        continue
      }
      let outcome: WriteOutcome
      let result: Changed
      switch wanted {
      case .keep:
        if isNewest { return .stored(object) }
        let newest: StoredObject? = try await storage.get(resource, path)
        isNewest = true
        if newest?.revision == base.revision { return .stored(object) }
        current = newest
        continue
      case .write(let new, let plan):
        if dryRun { return .stored(new) }
        result = .stored(new)
        outcome = try await storage.put(resource, path, new, expected: base.revision, reservations: plan.reservations, guards: plan.guards)
        if case .taken(let key) = outcome, !plan.chosen.contains(key) { throw admission.alreadyTaken(key, new) }
      case .delete:
        result = .deleted(object)
        if dryRun { return result }
        outcome = try await storage.delete(resource, path, expected: base.revision, reservations: admission.release(resource, object))
      }
      switch outcome {
      case .written(let revision):
        return stamped(result, revision)
      case .raced(let newest):
        current = newest.map { storage.stored(resource, $0) }
        isNewest = true
      case .taken, .guardFailed: break  // another choice, the same object
      }
    }
    throw KubeStatus.conflict(resource.name, name: info.name)
  }

  private func stamped(_ result: Changed, _ revision: Int64) -> Changed {
    switch result {
    case .stored(var object):
      object.json["metadata"]["resourceVersion"] = .string(String(revision))
      return .stored(object)
    case .deleted(var object):
      object.json["metadata"]["resourceVersion"] = .string(String(revision))
      return .deleted(object)
    }
  }
}
