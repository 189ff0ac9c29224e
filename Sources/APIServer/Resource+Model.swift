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

  func trackUpdate(old: KubeObject?, new: inout KubeObject, manager: String, subresource: String, time: WallTime) {
  }

  func apply(
    _ applied: KubeObject, to old: KubeObject?, manager: String, subresource: String, force: Bool, time: WallTime
  ) throws -> KubeObject {
    KubeObject(try Patches.apply(.strategic, applied.json, to: old?.json ?? [:], type: .object(definition.type)))
  }
}
