import KubeModel
import Primitives

/// What the model knows of a resource, in the words of the handlers.
extension Resource {
  /// Kinds whose writers must name the version they have seen, because the last writer winning would be wrong
  /// (`AllowUnconditionalUpdate` of Kubernetes' strategies).
  var allowsUnconditionalUpdate: Bool { name != .leases && !name.group.hasSuffix("tricenter.io") }

  func validateUpdate(_ new: KubeObject, old: KubeObject, subresource: String) -> [FieldError] {
    subresource == "status" ? definition.validateStatusUpdate(new, old: old) : definition.validateUpdate(new, old: old)
  }

  /// Notes who changed which field; on the finished object, just before it is stored.
  func trackUpdate(old: KubeObject?, new: inout KubeObject, manager: String, subresource: String, time: WallTime) {
    ServerSideApply.track(old: old, new: &new, manager: manager, definition: definition, subresource: subresource, now: time)
  }
}
