import KubeClient
import KubeModel
import Primitives

/// Where the deletion of a namespace stands. Pure. https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
struct NamespaceDecision: Sendable {
  static let finalizer: String = "kubernetes"

  /// What one round of deleting left behind, by resource.
  struct Remains: Hashable, Sendable {
    var count: Int = 0
    /// Finalizer and how many objects wait for it.
    var finalizers: [String: Int] = [:]
  }
  private(set) var actions: [Action] = []

  /// `failures`: resources that could not be listed or deleted, with a sentence each.
  init(_ namespace: KubeObject, remains: [ResourceName: Remains], failures: [String], now: WallTime) {
    let left: [(key: ResourceName, value: Remains)] = remains.filter { $0.value.count > 0 }.sorted {
      $0.key.description < $1.key.description
    }
    if left.isEmpty, failures.isEmpty {
      var finalized: KubeObject = namespace
      finalized.json["spec"]["finalizers"] = .array(namespace.spec["finalizers"].array.filter { $0.string != Self.finalizer })
      actions = [.update(.namespaces, finalized, subresource: "finalize")]
      return
    }
    var conditions: [JSONValue] = namespace.status["conditions"].array
    func set(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String, _ otherwise: (String, String)) {
      Conditions.set(
        &conditions, type, isTrue ? "True" : "False", reason: isTrue ? reason : otherwise.0, message: isTrue ? message : otherwise.1,
        now: now)
    }
    set(
      "NamespaceDeletionContentFailure", !failures.isEmpty, "ContentDeletionFailed",
      "Failed to delete all resource types, \(failures.count) remaining: \(failures.sorted().joined(separator: ", "))",
      ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"))
    set(
      "NamespaceContentRemaining", !left.isEmpty, "SomeResourcesRemain",
      "Some resources are remaining: " + left.map { "\($0.key) has \($0.value.count) resource instances" }.joined(separator: ", "),
      ("ContentRemoved", "All content successfully removed"))
    var waiting: [String: Int] = [:]
    for (_, remains) in left { waiting.merge(remains.finalizers) { $0 + $1 } }
    set(
      "NamespaceFinalizersRemaining", !waiting.isEmpty, "SomeFinalizersRemain",
      "Some content in the namespace has finalizers remaining: "
        + waiting.sorted { $0.key < $1.key }.map { "\($0.key) in \($0.value) resource instances" }.joined(separator: ", "),
      ("ContentHasNoFinalizers", "All content-preserving finalizers finished"))
    if conditions != namespace.status["conditions"].array {
      var changed: KubeObject = namespace
      changed.json["status"]["conditions"] = .array(conditions)
      actions.append(.update(.namespaces, changed, subresource: "status"))
    }
    // Pods with a grace period end within seconds; what waits for a finalizer is told by nobody, so it is looked at again.
    actions.append(.again(.seconds(1)))
  }
}
