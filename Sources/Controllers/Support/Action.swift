import KubeClient
import KubeModel
import Primitives

/// What a reconciler's decision asks for. Decisions are pure functions from objects to actions; `ActionRunner` carries them out.
enum Action: Hashable, Sendable {
  case create(ResourceName, KubeObject)
  /// The whole object; with its resourceVersion, so that a decision made on old facts fails with a conflict and is made again.
  case update(ResourceName, KubeObject, subresource: String? = nil)
  case patch(ResourceName, namespace: String, name: String, PatchType, JSONValue, subresource: String? = nil)
  case delete(ResourceName, namespace: String, name: String, DeleteOptions)
  case event(KubeObject, EventRecorder.Kind, reason: String, message: String)
  /// Decide again then, since time alone changes the decision.
  case again(Duration)
}

/// Carries actions out, in order, and stops at the first failure.
struct ActionRunner: Sendable {
  let client: KubeClient
  let events: EventRecorder

  /// Returns the shortest time after which to decide again.
  @discardableResult
  func run(_ actions: [Action]) async throws -> Duration? {
    var again: Duration?
    for action in actions {
      switch action {
      case .create(let resource, let object): _ = try await client.create(resource, object)
      case .update(let resource, let object, let subresource): _ = try await client.update(resource, object, subresource: subresource)
      case .patch(let resource, let namespace, let name, let type, let patch, let subresource):
        _ = try await client.patch(resource, namespace: namespace, name: name, type: type, patch, subresource: subresource)
      case .delete(let resource, let namespace, let name, let options):
        do {
          try await client.delete(resource, namespace: namespace, name: name, options: options)
        } catch let error as KubeError where error.code == .notFound {
          continue  // gone is what was wanted
        }
      case .event(let object, let kind, let reason, let message): events.event(object, kind, reason: reason, message: message)
      case .again(let pause): again = min(again ?? pause, pause)
      }
    }
    return again
  }
}
