import Primitives

/// Server-side apply and the bookkeeping of field owners for every other write.
/// https://kubernetes.io/docs/reference/using-api/server-side-apply/
public enum ServerSideApply {
  /// Applies a configuration: what it sets becomes the manager's, what the manager set before and does not mention now goes, unless
  /// somebody else owns it.
  /// - Parameters:
  ///   - live: nil to create.
  ///   - applied: the request's body, decoded by the kind (or by the subresource's type).
  ///   - manager: the `fieldManager` parameter.
  ///   - force: takes fields that others own instead of failing.
  ///   - subresource: `status` for a write to that endpoint.
  /// - Returns: the object with its managedFields; the caller goes on with defaults, preparation and validation. Equal to `live` if
  ///   nothing changes.
  /// - Throws: 409 with a cause per conflict, 400 for a body that cannot be applied.
  public static func apply(
    live: KubeObject?, applied: KubeObject, manager: String, force: Bool, definition: ResourceDefinition, subresource: String = "",
    now: WallTime
  ) throws(KubeStatus) -> KubeObject {
    guard !manager.isEmpty else {
      throw .badRequest("PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
    }
    guard applied.metadata["managedFields"].isNull else { throw .badRequest("metadata.managedFields must be nil") }
    let shape = FieldShape(.object(definition.type))
    try Duplicates.check(applied.json, shape, definition, applied)
    var config: JSONValue = applied.json
    let version: String = config["metadata"]["resourceVersion"].string ?? ""
    if let live, !version.isEmpty, version != live.resourceVersion { throw .conflict(definition.name, name: live.name) }

    let base: KubeObject = live ?? KubeObject(["apiVersion": applied["apiVersion"], "kind": applied["kind"], "metadata": [:]])
    var owners: ManagedFields = live.flatMap { ManagedFields(json: $0.metadata["managedFields"]) } ?? ManagedFields()
    var before: JSONValue = base.json
    before["metadata"]["managedFields"] = .null
    config["metadata"]["managedFields"] = .null

    if live != nil, owners.entries.isEmpty {
      // The first apply on an object that nobody was tracked on: whatever is there belongs to an unknown updater.
      let all: FieldSet = stripped(shape.compare([:], before).addedOrModified, definition, subresource: "")
      owners.set(
        ManagedFields.Manager(name: "before-first-apply", operation: .update, apiVersion: definition.name.apiVersion, subresource: ""), all,
        time: now.rfc3339)
    }
    let applier = ManagedFields.Manager(name: manager, operation: .apply, apiVersion: definition.name.apiVersion, subresource: subresource)
    let wanted: FieldSet = stripped(shape.fields(of: config), definition, subresource: subresource)
    let former: FieldSet = owners[applier] ?? .empty
    owners.set(applier, wanted, time: nil)

    config = keepOnly(config, subresource, definition)
    var after: JSONValue = shape.merge(before, config)
    let all: FieldSet = owners.entries.reduce(into: FieldSet()) { $0 = $0.union($1.set) }
    after = shape.removing(shape.withNamedFields(former).subtracting(shape.withNamedFields(all)), from: after)

    let difference: FieldShape.Difference = shape.compare(before, after)
    let changed: FieldSet = difference.addedOrModified
    var conflicts: [ApplyConflict] = []
    for entry in owners.entries where entry.manager != applier {
      conflicts += entry.set.intersection(changed).paths.map { ApplyConflict(manager: entry.manager, path: $0) }
    }
    if !force {
      if manager == "kubectl", !conflicts.isEmpty { conflicts = LastApplied.unexplained(conflicts, base, definition, shape) }
      if !conflicts.isEmpty { throw ApplyConflict.status(conflicts) }
    }
    owners.forEach { entry in
      guard entry.manager != applier else { return }
      entry.set = entry.set.subtracting(changed).subtracting(difference.removed)
    }
    if after != before || live == nil { owners.set(applier, wanted, time: now.rfc3339) }
    after["metadata"]["managedFields"] = owners.json
    if manager == "kubectl" { LastApplied.refresh(&after, applied) }
    return KubeObject(after)
  }

  /// Notes who changed what in a create, update or patch. Call it on the finished object, just before it is stored.
  /// - Parameter old: nil for a create.
  public static func track(
    old: KubeObject?, new: inout KubeObject, manager: String, definition: ResourceDefinition, subresource: String = "", now: WallTime
  ) {
    let sent: JSONValue = new.metadata["managedFields"]
    var owners: ManagedFields
    if subresource.isEmpty, !sent.isNull {
      // A list with one empty entry, or an empty list, is a request to forget (documented under "Clearing managedFields").
      if sent.array.isEmpty || sent.array.count == 1 && sent[0].object?.isEmpty == true {
        new.json["metadata"]["managedFields"] = .null
        return
      }
      owners = ManagedFields(json: sent) ?? old.flatMap { ManagedFields(json: $0.metadata["managedFields"]) } ?? ManagedFields()
    } else {
      owners = old.flatMap { ManagedFields(json: $0.metadata["managedFields"]) } ?? ManagedFields()
    }
    if old != nil, owners.entries.isEmpty {
      new.json["metadata"]["managedFields"] = .null
      return
    }
    var before: JSONValue = old?.json ?? [:]
    before["metadata"]["managedFields"] = .null
    new.json["metadata"]["managedFields"] = .null
    let difference: FieldShape.Difference = FieldShape(.object(definition.type)).compare(before, new.json)
    let changed: FieldSet = difference.addedOrModified
    owners.forEach { $0.set = $0.set.subtracting(changed).subtracting(difference.removed) }
    let mine: FieldSet = stripped(changed, definition, subresource: subresource)
    if !mine.isEmpty {
      let updater = ManagedFields.Manager(
        name: manager, operation: .update, apiVersion: definition.name.apiVersion, subresource: subresource)
      owners.set(updater, (owners[updater] ?? .empty).union(mine), time: now.rfc3339)
    }
    owners.cap()
    new.json["metadata"]["managedFields"] = owners.entries.isEmpty ? .null : owners.json
  }

  /// Fields that nobody owns: the server's own, and those that the endpoint does not write.
  private static func stripped(_ set: FieldSet, _ definition: ResourceDefinition, subresource: String) -> FieldSet {
    var set: FieldSet = set
    for field in ["apiVersion", "kind"] { set = set.cutting([.field(field)]) }
    for field in [
      "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion", "deletionTimestamp",
      "deletionGracePeriodSeconds",
    ] { set = set.cutting([.field("metadata"), .field(field)]) }
    set.children[.field("metadata")]?.isMember = false
    if set.children[.field("metadata")]?.isEmpty == true { set.children[.field("metadata")] = nil }
    if subresource.isEmpty, definition.hasStatus { set.children[.field("status")] = nil }
    if subresource == "status" {
      for element in set.children.keys where element != .field("status") && element != .field("metadata") { set.children[element] = nil }
    }
    return set
  }

  /// The part of a configuration that the endpoint takes.
  private static func keepOnly(_ config: JSONValue, _ subresource: String, _ definition: ResourceDefinition) -> JSONValue {
    var config: JSONValue = config
    if subresource.isEmpty, definition.hasStatus { config["status"] = .null }
    if subresource == "status", let object: JSONObject = config.object {
      for key in object.keys where !["apiVersion", "kind", "metadata", "status"].contains(key) { config[key] = .null }
    }
    return config
  }
}
