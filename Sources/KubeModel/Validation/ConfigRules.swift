extension Validation {
  /// Bytes of a ConfigMap's or Secret's values together.
  static let dataBytes: Int = 1024 * 1024

  @Sendable static func configMap(_ object: JSONValue, _ errors: inout [FieldError]) {
    var size: Int = 0
    for field in ["data", "binaryData"] {
      for member in object[field].object?.members ?? [] {
        let here: FieldPath = FieldPath(field).key(member.key)
        errors += NameRules.dataKey(member.key).map { .invalid(here, .string(member.key), $0) }
        size += member.value.string?.utf8.count ?? 0
        if field == "data", object["binaryData"].object?[member.key] != nil {
          errors.append(.invalid(here, .string(member.key), "duplicate of key present in binaryData"))
        }
      }
    }
    if size > dataBytes { errors.append(.tooLong(FieldPath(), limit: dataBytes)) }
  }

  @Sendable static func configMapUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    immutableData(new, old, ["data", "binaryData"], &errors)
  }

  @Sendable static func secret(_ object: JSONValue, _ errors: inout [FieldError]) {
    var size: Int = 0
    for member in object["data"].object?.members ?? [] {
      errors += NameRules.dataKey(member.key).map { .invalid(FieldPath("data").key(member.key), .string(member.key), $0) }
      size += (member.value.string?.utf8.count ?? 0) / 4 * 3
    }
    if size > dataBytes { errors.append(.tooLong(FieldPath("data"), limit: dataBytes)) }
    let keys: [String] =
      switch object["type"].string {
      case "kubernetes.io/tls": ["tls.crt", "tls.key"]
      case "kubernetes.io/dockerconfigjson": [".dockerconfigjson"]
      case "kubernetes.io/dockercfg": [".dockercfg"]
      case "kubernetes.io/ssh-auth": ["ssh-privatekey"]
      default: []
      }
    for key in keys where object["data"].object?[key] == nil { errors.append(.required(FieldPath("data").key(key))) }
  }

  @Sendable static func secretUpdate(_ new: JSONValue, _ old: JSONValue, _ errors: inout [FieldError]) {
    unchanged(new["type"], old["type"], FieldPath("type"), &errors)
    immutableData(new, old, ["data"], &errors)
  }

  private static func immutableData(_ new: JSONValue, _ old: JSONValue, _ fields: [String], _ errors: inout [FieldError]) {
    guard old["immutable"].bool == true else { return }
    let why: String = "field is immutable when `immutable` is set"
    if new["immutable"].bool != true { errors.append(.forbidden(FieldPath("immutable"), why)) }
    for field in fields where new[field] != old[field] { errors.append(.forbidden(FieldPath(field), why)) }
  }
}
