import KubeModel
import Primitives

extension Handlers {
  /// From what a client wants an object to be to what may be written: what belongs to the server or to the other half (spec, status)
  /// comes from the object as it is.
  /// - Parameter manages: false where the field sets were worked out already (apply).
  func prepareUpdate(
    _ resource: Resource, old: KubeObject, _ wanted: KubeObject, subresource: String, options: WriteOptions, user: UserInfo,
    manages: Bool = true
  ) async throws -> Change {
    var new: KubeObject = wanted
    try checkVersion(resource, old: old, new)
    new.json["metadata"]["resourceVersion"] = .string(old.resourceVersion)
    // Field sets an old client did not send back are not lost.
    if new.metadata["managedFields"].isNull { new.json["metadata"]["managedFields"] = old.metadata["managedFields"] }
    var plan = AdmissionPlan()
    if subresource == "status" {
      resource.definition.prepareForStatusUpdate(&new, old: old)
    } else {
      resource.definition.prepareForUpdate(&new, old: old)
      if subresource == "finalize" { new.json["spec"]["finalizers"] = wanted.spec["finalizers"] }
    }
    try await synchronizePodRanges(resource, old: old, new)
    if subresource != "status" { plan = try await admission.update(resource, old: old, &new, user: user) }
    try check(resource.validateUpdate(new, old: old, subresource: subresource), resource, new)
    if manages { resource.trackUpdate(old: old, new: &new, manager: options.fieldManager, subresource: subresource, time: clock.wall()) }
    if leaves(new, resource) { return .delete }
    if same(new, old) { return .keep }
    return .write(new, plan)
  }

  private func checkVersion(_ resource: Resource, old: KubeObject, _ new: KubeObject) throws {
    if !new.uid.isEmpty, new.uid != old.uid {
      throw KubeStatus.uidConflict(resource.name, name: old.name, asked: new.uid, found: old.uid)
    }
    let version: String = new.resourceVersion
    if version.isEmpty || version == "0" {
      guard resource.allowsUnconditionalUpdate else {
        throw KubeStatus.invalid(
          resource.definition, name: old.name, [.invalid(FieldPath("metadata.resourceVersion"), 0, "must be specified for an update")])
      }
    } else if version != old.resourceVersion {
      throw KubeStatus.conflict(resource.name, name: old.name)
    }
  }

  /// An object that was only waiting for its last finalizer goes with the write that takes it.
  private func leaves(_ new: KubeObject, _ resource: Resource) -> Bool {
    guard new.isBeingDeleted, new.finalizers.isEmpty, new.metadata["deletionGracePeriodSeconds"].int ?? 0 == 0 else { return false }
    return resource.name != .namespaces || new.spec["finalizers"].array.isEmpty
  }

  /// Whether a write would change nothing but the times in `managedFields`.
  private func same(_ new: KubeObject, _ old: KubeObject) -> Bool {
    func withoutTimes(_ object: KubeObject) -> JSONValue {
      var json: JSONValue = object.json
      var managers: [JSONValue] = json["metadata"]["managedFields"].array
      for index in managers.indices { managers[index]["time"] = .null }
      json["metadata"]["managedFields"] = managers.isEmpty ? .null : .array(managers)
      return json
    }
    return withoutTimes(new) == withoutTimes(old)
  }
}
