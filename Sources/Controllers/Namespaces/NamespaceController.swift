import KubeClient
import KubeModel
import Primitives

/// Empties namespaces that are being deleted, then lets them go.
final class NamespaceController: Reconciler {
  let name: String = "namespace"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let namespaces: Informer

  init(_ environment: ControllerEnvironment) {
    self.environment = environment
    queue = WorkQueue(name: name, clock: environment.clock)
    namespaces = environment.informers.informer(.namespaces)
    namespaces.onChange { [queue] in if $0.isBeingDeleted { queue.add($0.key) } }
  }

  func reconcile(_ key: String) async throws {
    guard namespaces.cache[key] != nil else { return }
    // The decision to let a namespace go must not stand on an old copy.
    guard let namespace: KubeObject = try await environment.client.find(.namespaces, name: key), namespace.isBeingDeleted,
      namespace.spec["finalizers"].array.contains(.string(NamespaceDecision.finalizer))
    else { return }
    let directory = try await ResourceDirectory(client: environment.client)
    var remains: [ResourceName: NamespaceDecision.Remains] = [:]
    var failures: [String] = []
    for resource in directory.all(verbs: ["delete", "list"], namespaced: true) {
      do {
        remains[resource] = try await empty(resource, namespace.name)
      } catch let error as KubeError {
        failures.append("\(resource): \(error.message)")
      }
    }
    let decision = NamespaceDecision(namespace, remains: remains, failures: failures, now: environment.clock.wall())
    do {
      if let again: Duration = try await environment.runner.run(decision.actions) { queue.add(key, after: again) }
    } catch let error as KubeError where error.code == .notFound {
      return
    }
  }

  /// Deletes everything of one kind and counts what does not go at once.
  private func empty(_ resource: ResourceName, _ namespace: String) async throws -> NamespaceDecision.Remains {
    let client: KubeClient = environment.client
    let objects: [KubeObject] = try await client.list(resource, namespace: namespace).items
    let pending: [KubeObject] = objects.filter { !$0.isBeingDeleted }
    try await withThrowingTaskGroup(of: Void.self) { group in
      var under: Int = 0
      for object in pending {
        if under >= ControllerLimits.concurrentDeletions {
          try await group.next()
          under -= 1
        }
        under += 1
        group.addTask {
          do {
            try await client.delete(
              resource, namespace: namespace, name: object.name, options: DeleteOptions(propagation: .background, uid: object.uid))
          } catch let error as KubeError where error.code == .notFound || error.code == .conflict {
            return  // gone, or another one by that name: the next round sees it
          }
        }
      }
      try await group.waitForAll()
    }
    guard !objects.isEmpty else { return .init() }
    var remains = NamespaceDecision.Remains()
    for object in try await client.list(resource, namespace: namespace).items {
      remains.count += 1
      for finalizer in object.finalizers { remains.finalizers[finalizer, default: 0] += 1 }
    }
    return remains
  }
}
