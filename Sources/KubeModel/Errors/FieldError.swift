/// A finding about one field, in Kubernetes' own words: becomes a cause of a Status 422.
public struct FieldError: Hashable, Sendable, CustomStringConvertible {
  public enum Reason: String, Sendable {
    case notFound = "FieldValueNotFound"
    case required = "FieldValueRequired"
    case duplicate = "FieldValueDuplicate"
    case invalid = "FieldValueInvalid"
    case typeInvalid = "FieldValueTypeInvalid"
    case notSupported = "FieldValueNotSupported"
    case forbidden = "FieldValueForbidden"
    case tooLong = "FieldValueTooLong"
    case tooMany = "FieldValueTooMany"
    case internalError = "InternalError"

    var title: String {
      switch self {
      case .notFound: "Not found"
      case .required: "Required value"
      case .duplicate: "Duplicate value"
      case .invalid, .typeInvalid: "Invalid value"
      case .notSupported: "Unsupported value"
      case .forbidden: "Forbidden"
      case .tooLong: "Too long"
      case .tooMany: "Too many"
      case .internalError: "Internal error"
      }
    }
  }

  public let reason: Reason
  /// `spec.containers[0].image`.
  public let field: String
  /// Without the field's name.
  public let message: String

  init(_ reason: Reason, _ path: FieldPath, value: JSONValue? = nil, _ detail: String = "") {
    self.reason = reason
    field = path.text
    var message: String = reason.title
    if let value { message += ": \(Self.shown(value))" }
    if !detail.isEmpty { message += ": \(detail)" }
    self.message = message
  }

  public static func invalid(_ path: FieldPath, _ value: JSONValue, _ detail: String) -> Self { Self(.invalid, path, value: value, detail) }
  public static func required(_ path: FieldPath, _ detail: String = "") -> Self { Self(.required, path, detail) }
  public static func duplicate(_ path: FieldPath, _ value: JSONValue) -> Self { Self(.duplicate, path, value: value) }
  public static func notFound(_ path: FieldPath, _ value: JSONValue) -> Self { Self(.notFound, path, value: value) }
  public static func forbidden(_ path: FieldPath, _ detail: String) -> Self { Self(.forbidden, path, detail) }
  public static func notSupported(_ path: FieldPath, _ value: JSONValue, _ allowed: [String]) -> Self {
    Self(.notSupported, path, value: value, "supported values: " + allowed.map { "\"\($0)\"" }.joined(separator: ", "))
  }
  public static func tooLong(_ path: FieldPath, limit: Int) -> Self {
    Self(.tooLong, path, "may not be more than \(limit) byte\(limit == 1 ? "" : "s")")
  }
  public static func tooMany(_ path: FieldPath, count: Int, limit: Int) -> Self {
    Self(.tooMany, path, value: .int(Int64(count)), "must have at most \(limit) item\(limit == 1 ? "" : "s")")
  }

  public var description: String { "\(field): \(message)" }

  /// Strings in quotes, everything else as JSON.
  private static func shown(_ value: JSONValue) -> String { value.serialized().text }

  public var cause: JSONValue { ["reason": .string(reason.rawValue), "message": .string(message), "field": .string(field)] }
}

/// Where a field stands: `spec.template.spec.containers[0].ports[1].name`, a map's member as `[key]`.
public struct FieldPath: Hashable, Sendable, CustomStringConvertible {
  public let text: String
  public init(_ text: String = "") { self.text = text }
  public func child(_ name: String) -> FieldPath { FieldPath(text.isEmpty ? name : "\(text).\(name)") }
  public func index(_ index: Int) -> FieldPath { FieldPath("\(text)[\(index)]") }
  public func key(_ key: String) -> FieldPath { FieldPath("\(text)[\(key)]") }
  public var description: String { text }
}
