import Primitives

/// The order of a write, as kube-apiserver has it:
/// create: decode → applyDefaults → prepareForCreate → validateCreate; update: decode → applyDefaults → prepareForUpdate → validateUpdate.
extension ResourceDefinition {
  /// Fills in what a user may leave out. Safe to repeat.
  public func applyDefaults(_ object: inout KubeObject) {
    object.json["apiVersion"] = .string(name.apiVersion)
    object.json["kind"] = .string(name.kind)
    behaviour.defaults?(&object.json)
  }

  /// Drops what only the server writes: status (where it has an endpoint of its own), and sets the first generation. The caller sets
  /// name, namespace, uid and creationTimestamp.
  public func prepareForCreate(_ object: inout KubeObject) {
    if hasStatus { object.json["status"] = .null }
    Self.dropEmpty(&object)
    object.json["metadata"]["resourceVersion"] = .null
    object.json["metadata"]["deletionTimestamp"] = .null
    object.json["metadata"]["deletionGracePeriodSeconds"] = .null
    object.json["metadata"]["selfLink"] = .null
    object.json["metadata"]["generation"] = behaviour.hasGeneration ? 1 : .null
    behaviour.prepareCreate?(&object.json)
  }

  /// Keeps what an update cannot change: the status, and the metadata that is the server's. Counts the generation up if anything but
  /// metadata and status is different.
  public func prepareForUpdate(_ new: inout KubeObject, old: KubeObject) {
    if hasStatus { new.json["status"] = old.json["status"] }
    keepServerMetadata(&new, old)
    behaviour.prepareUpdate?(&new.json, old.json)
    guard behaviour.hasGeneration else { return }
    let changed: Bool = !Self.sameApart(from: ["metadata", "status", "apiVersion", "kind"], new, old)
    let deleted: Bool = new.isBeingDeleted && !old.isBeingDeleted
    new.json["metadata"]["generation"] = .int(old.generation + (changed || deleted ? 1 : 0))
  }

  /// A write to the `status` endpoint changes status and annotations only.
  public func prepareForStatusUpdate(_ new: inout KubeObject, old: KubeObject) {
    var result: KubeObject = old
    result.json["status"] = new.json["status"]
    for field in ["annotations", "managedFields", "resourceVersion"] { result.json["metadata"][field] = new.json["metadata"][field] }
    result.json["apiVersion"] = .string(name.apiVersion)
    result.json["kind"] = .string(name.kind)
    Self.dropEmpty(&result)
    new = result
  }

  /// A DELETE that waits (finalizers, grace period) marks the object.
  public func markDeleted(_ object: inout KubeObject, at now: WallTime, gracePeriodSeconds: Int64) {
    guard !object.isBeingDeleted else {
      // A second DELETE can only shorten the time that is left.
      if let present: Int64 = object.json["metadata"]["deletionGracePeriodSeconds"].int, gracePeriodSeconds < present {
        object.json["metadata"]["deletionGracePeriodSeconds"] = .int(gracePeriodSeconds)
        object.json["metadata"]["deletionTimestamp"] = .string(
          WallTime(secondsSince1970: now.secondsSince1970 + gracePeriodSeconds).rfc3339)
      }
      return
    }
    object.json["metadata"]["deletionTimestamp"] = .string(
      WallTime(secondsSince1970: now.secondsSince1970 + gracePeriodSeconds).rfc3339)
    object.json["metadata"]["deletionGracePeriodSeconds"] = .int(gracePeriodSeconds)
    if behaviour.hasGeneration { object.json["metadata"]["generation"] = .int(object.generation + 1) }
  }

  private func keepServerMetadata(_ new: inout KubeObject, _ old: KubeObject) {
    // A client that does not send these keeps them; one that sends others is told by validation.
    for field in ["uid", "creationTimestamp", "name", "namespace"] where new.json["metadata"][field].isNull {
      new.json["metadata"][field] = old.json["metadata"][field]
    }
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation", "generateName"] {
      new.json["metadata"][field] = old.json["metadata"][field]
    }
    new.json["metadata"]["selfLink"] = .null
    Self.dropEmpty(&new)
  }

  private static func dropEmpty(_ object: inout KubeObject) {
    for field in ["labels", "annotations", "finalizers", "ownerReferences", "managedFields", "generateName"] {
      switch object.json["metadata"][field] {
      case .object(let map) where map.isEmpty: object.json["metadata"][field] = .null
      case .array(let list) where list.isEmpty: object.json["metadata"][field] = .null
      case .string(""): object.json["metadata"][field] = .null
      default: break
      }
    }
  }

  private static func sameApart(from ignored: Set<String>, _ left: KubeObject, _ right: KubeObject) -> Bool {
    func rest(_ object: KubeObject) -> JSONObject {
      JSONObject(members: (object.json.object?.members ?? []).filter { !ignored.contains($0.key) })
    }
    return rest(left) == rest(right)
  }
}
