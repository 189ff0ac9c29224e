/// meta/v1 Status: what the API answers instead of an object. Messages are those that kubectl and client libraries match on.
/// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
public struct KubeStatus: Error, Hashable, Sendable, CustomStringConvertible {
  /// The HTTP status code.
  public let code: Int
  /// Machine readable: `NotFound`, `Conflict`, …; empty for success.
  public let reason: String
  public let message: String
  public let details: JSONValue

  public init(code: Int, reason: String, message: String, details: JSONValue = .null) {
    self.code = code
    self.reason = reason
    self.message = message
    self.details = details
  }

  /// Reads a Status that a server sent.
  public init?(json: JSONValue) {
    guard json["kind"].string == "Status" else { return nil }
    self.init(
      code: Int(json["code"].int ?? 0), reason: json["reason"].string ?? "", message: json["message"].string ?? "", details: json["details"]
    )
  }

  public var isFailure: Bool { code >= 400 }

  public var json: JSONValue {
    var status: JSONValue = [
      "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": .string(isFailure ? "Failure" : "Success"),
    ]
    if !message.isEmpty { status["message"] = .string(message) }
    if !reason.isEmpty { status["reason"] = .string(reason) }
    if !details.isNull { status["details"] = details }
    status["code"] = .int(Int64(code))
    return status
  }

  public var description: String { message }

  static func details(group: String, kind: String, name: String, more: JSONObject = JSONObject()) -> JSONValue {
    var details = JSONObject()
    if !name.isEmpty { details["name"] = .some(.string(name)) }
    if !group.isEmpty { details["group"] = .some(.string(group)) }
    if !kind.isEmpty { details["kind"] = .some(.string(kind)) }
    for member in more.members { details[member.key] = .some(member.value) }
    return .object(details)
  }

  private static func about(_ r: ResourceName, _ name: String) -> JSONValue { details(group: r.group, kind: r.resource, name: name) }

  public static func success(_ r: ResourceName, name: String, uid: String = "") -> Self {
    Self(
      code: 200, reason: "", message: "",
      details: details(group: r.group, kind: r.resource, name: name, more: uid.isEmpty ? JSONObject() : ["uid": .string(uid)]))
  }
  public static func notFound(_ r: ResourceName, name: String) -> Self {
    Self(code: 404, reason: "NotFound", message: "\(r) \"\(name)\" not found", details: about(r, name))
  }
  /// A path that the server does not serve.
  public static func unknownPath() -> Self {
    Self(code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: [:])
  }
  public static func alreadyExists(_ r: ResourceName, name: String) -> Self {
    Self(code: 409, reason: "AlreadyExists", message: "\(r) \"\(name)\" already exists", details: about(r, name))
  }
  public static func generatedNameTaken(_ r: ResourceName, name: String) -> Self {
    Self(
      code: 409, reason: "AlreadyExists",
      message: "\(r) \"\(name)\" already exists, the server was not able to generate a unique name for the object",
      details: details(group: r.group, kind: r.resource, name: name, more: ["retryAfterSeconds": 1]))
  }
  public static func conflict(_ r: ResourceName, name: String, _ why: String = KubeStatus.modified) -> Self {
    Self(code: 409, reason: "Conflict", message: "Operation cannot be fulfilled on \(r) \"\(name)\": \(why)", details: about(r, name))
  }
  /// Why an optimistic update fails.
  public static let modified: String = "the object has been modified; please apply your changes to the latest version and try again"

  public static func invalid(_ definition: ResourceDefinition, name: String, _ errors: [FieldError]) -> Self {
    invalid(group: definition.name.group, kind: definition.name.kind, name: name, errors)
  }
  public static func invalid(group: String, kind: String, name: String, _ errors: [FieldError]) -> Self {
    var texts: [String] = []
    for error in errors where !texts.contains(error.description) { texts.append(error.description) }
    let what: String = group.isEmpty ? kind : "\(kind).\(group)"
    let list: String = texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ", "))]"
    return Self(
      code: 422, reason: "Invalid", message: "\(what) \"\(name)\" is invalid" + (texts.isEmpty ? "" : ": \(list)"),
      details: details(group: group, kind: kind, name: name, more: ["causes": .array(errors.map(\.cause))]))
  }
  public static func badRequest(_ message: String) -> Self { Self(code: 400, reason: "BadRequest", message: message) }
  public static func unauthorized() -> Self { Self(code: 401, reason: "Unauthorized", message: "Unauthorized") }
  public static func forbidden(_ r: ResourceName, name: String, _ why: String) -> Self {
    Self(
      code: 403, reason: "Forbidden", message: name.isEmpty ? "\(r) is forbidden: \(why)" : "\(r) \"\(name)\" is forbidden: \(why)",
      details: about(r, name))
  }
  public static func forbidden(path: String, user: String, verb: String) -> Self {
    Self(
      code: 403, reason: "Forbidden", message: "forbidden: User \"\(user)\" cannot \(verb) path \"\(path)\"", details: [:])
  }
  public static func methodNotAllowed(_ r: ResourceName, action: String) -> Self {
    Self(
      code: 405, reason: "MethodNotAllowed", message: "\(action) is not supported on resources of kind \"\(r)\"", details: about(r, ""))
  }
  public static func notAcceptable(accepted: [String]) -> Self {
    Self(
      code: 406, reason: "NotAcceptable",
      message: "only the following media types are accepted: \(accepted.joined(separator: ", "))")
  }
  public static func unsupportedMediaType(accepted: [String]) -> Self {
    Self(
      code: 415, reason: "UnsupportedMediaType",
      message: "the body of the request was in an unknown format - accepted media types include: \(accepted.joined(separator: ", "))")
  }
  /// A list's continue token or a watch's resourceVersion is older than what the store keeps.
  public static func expired(_ message: String) -> Self { Self(code: 410, reason: "Expired", message: message) }
  public static func tooLarge(_ message: String) -> Self {
    Self(code: 413, reason: "RequestEntityTooLarge", message: "Request entity too large: \(message)")
  }
  public static func tooManyRequests(_ message: String, retryAfterSeconds: Int = 1) -> Self {
    Self(code: 429, reason: "TooManyRequests", message: message, details: ["retryAfterSeconds": .int(Int64(retryAfterSeconds))])
  }
  public static func internalError(_ message: String) -> Self {
    Self(
      code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
      details: ["causes": [["message": .string(message)]]])
  }
  public static func unavailable(_ message: String, retryAfterSeconds: Int = 1) -> Self {
    Self(code: 503, reason: "ServiceUnavailable", message: message, details: ["retryAfterSeconds": .int(Int64(retryAfterSeconds))])
  }
  public static func timeout(_ message: String, retryAfterSeconds: Int = 1) -> Self {
    Self(code: 504, reason: "Timeout", message: "Timeout: \(message)", details: ["retryAfterSeconds": .int(Int64(retryAfterSeconds))])
  }
}
