import Primitives

/// One column of `kubectl get`.
public struct TableColumn: Sendable {
  public let name: String
  /// `string`, `integer`, `boolean`, `date`.
  public let type: String
  /// `name` for the column that names the object.
  public let format: String
  public let description: String
  /// 0: always shown; 1: with `-o wide`.
  public let priority: Int
  let cell: @Sendable (KubeObject, WallTime) -> JSONValue

  init(
    _ name: String, type: String = "string", format: String = "", wide: Bool = false, _ description: String = "",
    _ cell: @escaping @Sendable (KubeObject, WallTime) -> JSONValue
  ) {
    self.name = name
    self.type = type
    self.format = format
    self.description = description
    priority = wide ? 1 : 0
    self.cell = cell
  }

  /// Another's, with a cell of its own.
  init(_ other: TableColumn, _ cell: @escaping @Sendable (KubeObject, WallTime) -> JSONValue) {
    self.init(other.name, type: other.type, format: other.format, wide: other.priority > 0, other.description, cell)
  }

  /// A column that shows one field's text.
  init(
    _ name: String, type: String = "string", wide: Bool = false, field path: [String], absent: String = "<none>",
    _ description: String = ""
  ) {
    self.init(name, type: type, wide: wide, description) { object, _ in
      let value: JSONValue = object.json[path: path]
      if type == "integer" { return .int(value.int ?? 0) }
      switch value {
      case .string(let text) where !text.isEmpty: return .string(text)
      case .int(let number): return .string(String(number))
      case .bool(let flag): return .string(flag ? "True" : "False")
      default: return .string(absent)
      }
    }
  }

  static let objectName = TableColumn("Name", format: "name", "Name must be unique within a namespace.") { object, _ in .string(object.name)
  }
  static let age = TableColumn("Age", "Time since the object was created.") { object, now in
    .string(since(object.json["metadata"]["creationTimestamp"], now))
  }
  static let nameAndAge: [TableColumn] = [objectName, age]

  /// The time that went by since a timestamp, or `<unknown>`.
  static func since(_ timestamp: JSONValue, _ now: WallTime) -> String {
    guard let text: String = timestamp.string, let time: WallTime = WallTime(rfc3339: text) else { return "<unknown>" }
    return HumanDuration.text(seconds: now.secondsSince1970 - time.secondsSince1970)
  }

  static func joined(_ texts: [String], none: String = "<none>") -> JSONValue {
    .string(texts.isEmpty ? none : texts.joined(separator: ","))
  }
}
