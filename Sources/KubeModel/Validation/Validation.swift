import Primitives

/// The rules of kinds. Each takes the whole object and adds what it finds, in Kubernetes' words.
enum Validation {
  static let immutable: String = "field is immutable"

  static func nonNegative(_ value: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    if let number: Int64 = value.int, number < 0 { errors.append(.invalid(path, value, "must be greater than or equal to 0")) }
  }

  static func positive(_ value: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    if let number: Int64 = value.int, number <= 0 { errors.append(.invalid(path, value, "must be greater than 0")) }
  }

  static func port(_ value: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    if let number: Int64 = value.int, !(1...65_535).contains(number) {
      errors.append(.invalid(path, value, "must be between 1 and 65535, inclusive"))
    }
  }

  static func portOrName(_ value: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    if let name: String = value.string {
      errors += NameRules.portName(name).map { .invalid(path, value, $0) }
    } else {
      port(value, path, &errors)
    }
  }

  static func labels(_ value: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    guard let object: JSONObject = value.object else { return }
    for member in object.members {
      errors += NameRules.qualifiedName(member.key).map { .invalid(path, .string(member.key), $0) }
      if let text: String = member.value.string { errors += NameRules.labelValue(text).map { .invalid(path, .string(text), $0) } }
    }
  }

  static func selector(_ selector: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    labels(selector["matchLabels"], path.child("matchLabels"), &errors)
    for (index, expression) in selector["matchExpressions"].array.enumerated() {
      let here: FieldPath = path.child("matchExpressions").index(index)
      let values: [JSONValue] = expression["values"].array
      switch expression["operator"].string ?? "" {
      case "In", "NotIn":
        if values.isEmpty { errors.append(.required(here.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")) }
      case "Exists", "DoesNotExist":
        if !values.isEmpty {
          errors.append(.forbidden(here.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
        }
      case let other: errors.append(.invalid(here.child("operator"), .string(other), "not a valid selector operator"))
      }
      errors += NameRules.qualifiedName(expression["key"].string ?? "").map { .invalid(here.child("key"), expression["key"], $0) }
    }
  }

  static func unchanged(_ new: JSONValue, _ old: JSONValue, _ path: FieldPath, _ errors: inout [FieldError]) {
    if new != old { errors.append(.invalid(path, new, immutable)) }
  }
}

extension ResourceDefinition {
  /// Everything wrong with a new object; empty if nothing is. Call after `applyDefaults` and `prepareForCreate`.
  public func validateCreate(_ object: KubeObject) -> [FieldError] {
    var errors: [FieldError] = MetadataRules.create(object, self)
    errors += rules(object)
    return errors
  }

  /// Everything wrong with an update of `old` to `new`.
  public func validateUpdate(_ new: KubeObject, old: KubeObject) -> [FieldError] {
    var errors: [FieldError] = MetadataRules.update(new, old, self)
    errors += rules(new)
    behaviour.validateUpdate?(new.json, old.json, &errors)
    return errors
  }

  /// Everything wrong with a write to the status endpoint.
  public func validateStatusUpdate(_ new: KubeObject, old: KubeObject) -> [FieldError] {
    var errors: [FieldError] = MetadataRules.update(new, old, self)
    var validator = SchemaValidator()
    if let status: SchemaField = SchemaTable.shared[type].field("status") { validator.check(new.status, status.type, FieldPath("status")) }
    // Only what this write brought in: an old status with a gap must stay writable.
    var former = SchemaValidator()
    if let status: SchemaField = SchemaTable.shared[type].field("status") { former.check(old.status, status.type, FieldPath("status")) }
    errors += validator.errors.filter { !former.errors.contains($0) && $0.reason == .notSupported }
    behaviour.validateStatusUpdate?(new.json, old.json, &errors)
    return errors
  }

  private func rules(_ object: KubeObject) -> [FieldError] {
    var validator = SchemaValidator()
    for field in SchemaTable.shared[type].fields where !["metadata", "status", "apiVersion", "kind"].contains(field.name) {
      let value: JSONValue = object.json[field.name]
      // A missing spec counts as an empty one, so that its required fields are told by name.
      validator.check(value.isNull && field.name == "spec" ? [:] : value, field.type, FieldPath(field.name))
      if value.isNull, field.isRequired { validator.check([field.name: .null], .object(type), FieldPath()) }
    }
    var errors: [FieldError] = []
    for error in validator.errors where !errors.contains(error) { errors.append(error) }
    behaviour.validate?(object.json, &errors)
    var unique: [FieldError] = []
    for error in errors where !unique.contains(error) { unique.append(error) }
    return unique
  }
}
