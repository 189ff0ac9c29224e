import KubeClient
import KubeModel
import Primitives

/// Every namespace has a ServiceAccount `default`, which pods get that name none.
/// https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts
final class ServiceAccountController: Reconciler {
  let name: String = "serviceaccount"
  let queue: WorkQueue
  private let environment: ControllerEnvironment
  private let namespaces: Informer
  private let accounts: Informer

  init(_ environment: ControllerEnvironment) {
    self.environment = environment
    queue = WorkQueue(name: name, clock: environment.clock)
    namespaces = environment.informers.informer(.namespaces)
    accounts = environment.informers.informer(.serviceAccounts)
    namespaces.onChange { [queue] in queue.add($0.name) }
    accounts.onDelete { [queue] in queue.add($0.namespace) }
  }

  /// Pure.
  static func decide(namespace: KubeObject?, present: KubeObject?) -> [Action] {
    guard let namespace, !namespace.isBeingDeleted, present == nil else { return [] }
    return [
      .create(
        .serviceAccounts,
        KubeObject(["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default", "namespace": .string(namespace.name)]]))
    ]
  }

  func reconcile(_ key: String) async throws {
    do {
      try await environment.runner.run(Self.decide(namespace: namespaces.cache[key], present: accounts.cache["\(key)/default"]))
    } catch let error as KubeError where error.code == .alreadyExists || error.code == .notFound {
      return
    } catch let error as KubeError where error.code == .forbidden && namespaces.cache[key]?.isBeingDeleted != false {
      return
    }
  }
}
