import Primitives

/// What holds for the metadata of every kind.
enum MetadataRules {
  private static let path = FieldPath("metadata")

  static func create(_ object: KubeObject, _ definition: ResourceDefinition) -> [FieldError] {
    var errors: [FieldError] = []
    let metadata: JSONValue = object.metadata
    if let prefix: String = metadata["generateName"].string, !prefix.isEmpty {
      // A trailing dash is fine: the suffix follows it.
      let probe: String = prefix.hasSuffix("-") ? prefix.dropLast() + "a" : prefix
      errors += definition.behaviour.nameRule(probe).map { .invalid(path.child("generateName"), metadata["generateName"], $0) }
    }
    if object.name.isEmpty {
      errors.append(.required(path.child("name"), "name or generateName is required"))
    } else {
      errors += definition.behaviour.nameRule(object.name).map { .invalid(path.child("name"), .string(object.name), $0) }
    }
    if definition.name.namespaced {
      if object.namespace.isEmpty {
        errors.append(.required(path.child("namespace")))
      } else {
        errors += NameRules.label(object.namespace).map { .invalid(path.child("namespace"), .string(object.namespace), $0) }
      }
    } else if !object.namespace.isEmpty {
      errors.append(.forbidden(path.child("namespace"), "not allowed on this type"))
    }
    common(metadata, &errors)
    finalizers(object, &errors)
    return errors
  }

  static func update(_ new: KubeObject, _ old: KubeObject, _ definition: ResourceDefinition) -> [FieldError] {
    var errors: [FieldError] = []
    if old.isBeingDeleted {
      let extra: [String] = new.finalizers.filter { !old.finalizers.contains($0) }.sorted()
      if !extra.isEmpty {
        errors.append(
          .forbidden(
            path.child("finalizers"),
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{\(extra.map { "\"\($0)\"" }.joined(separator: ", "))}"
          ))
      }
    }
    for field in ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] {
      Validation.unchanged(new.metadata[field], old.metadata[field], path.child(field), &errors)
    }
    common(new.metadata, &errors)
    if definition.name == .pods, WorkloadTier(new) != WorkloadTier(old) {
      errors.append(.invalid(tierPath(path), new.metadata["annotations"][WorkloadTier.annotation], Validation.immutable))
    }
    finalizers(new, &errors)
    return errors
  }

  private static func common(_ metadata: JSONValue, _ errors: inout [FieldError]) {
    Validation.labels(metadata["labels"], path.child("labels"), &errors)
    annotations(metadata["annotations"], &errors)
    tier(metadata, path, &errors)
    owners(metadata["ownerReferences"].array, &errors)
  }

  private static func annotations(_ value: JSONValue, _ errors: inout [FieldError]) {
    guard let object: JSONObject = value.object else { return }
    let here: FieldPath = path.child("annotations")
    var size: Int = 0
    for member in object.members {
      errors += NameRules.qualifiedName(member.key.lowercased()).map { .invalid(here, .string(member.key), $0) }
      size += member.key.utf8.count + (member.value.string?.utf8.count ?? 0)
    }
    if size > NameRules.annotationsBytes { errors.append(.tooLong(here, limit: NameRules.annotationsBytes)) }
  }

  private static func tierPath(_ metadata: FieldPath) -> FieldPath { metadata.child("annotations").key(WorkloadTier.annotation) }

  /// A tier that nobody knows would be taken for `exclusive`; whoever wrote it meant something else.
  static func tier(_ metadata: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    let value: JSONValue = metadata["annotations"][WorkloadTier.annotation]
    guard !value.isNull, WorkloadTier(rawValue: value.string ?? "") == nil else { return }
    errors.append(.notSupported(tierPath(path), value, WorkloadTier.allCases.map(\.rawValue).sorted()))
  }

  private static func owners(_ references: [JSONValue], _ errors: inout [FieldError]) {
    var controller: String?
    for (index, reference) in references.enumerated() {
      let here: FieldPath = path.child("ownerReferences").index(index)
      for field in ["apiVersion", "kind", "name", "uid"] where reference[field].string ?? "" == "" {
        errors.append(.required(here.child(field), "must not be empty"))
      }
      guard reference["controller"].bool == true else { continue }
      let name: String = "\(reference["kind"].string ?? "")/\(reference["name"].string ?? "")"
      if let controller {
        errors.append(
          .invalid(
            path.child("ownerReferences"), .array(references),
            "Only one reference can have Controller set to true. Found \"true\" in references for \(controller) and \(name)"))
      } else {
        controller = name
      }
    }
  }

  private static func finalizers(_ object: KubeObject, _ errors: inout [FieldError]) {
    let here: FieldPath = path.child("finalizers")
    for finalizer in object.finalizers { errors += NameRules.qualifiedName(finalizer).map { .invalid(here, .string(finalizer), $0) } }
    if object.finalizers.contains("orphan"), object.finalizers.contains("foregroundDeletion") {
      errors.append(
        .invalid(here, .array(object.finalizers.map { .string($0) }), "finalizer orphan and foregroundDeletion cannot be both set"))
    }
  }
}
