import KubeModel
import Yams

/// YAML to trees and back, for golden files: maps keep their order, strings stay plain where YAML allows it.
enum YAMLText {
  static func parse(_ text: String) throws -> JSONValue { try value(Yams.compose(yaml: text) ?? Node("")) }

  private static func value(_ node: Node) throws -> JSONValue {
    switch node {
    case .mapping(let mapping):
      return .object(JSONObject(try mapping.map { ($0.key.string ?? "", try value($0.value)) }))
    case .sequence(let sequence): return .array(try sequence.map { try value($0) })
    case .alias: return .null
    case .scalar(let scalar):
      if scalar.style == .singleQuoted || scalar.style == .doubleQuoted || scalar.style == .literal { return .string(scalar.string) }
      if let bool: Bool = node.bool, ["true", "false"].contains(scalar.string) { return .bool(bool) }
      if let number = Int64(scalar.string) { return .int(number) }
      if ["", "null", "~"].contains(scalar.string) { return .null }
      return .string(scalar.string)
    }
  }

  static func emit(_ value: JSONValue, indentation: Int = 0) -> String {
    let pad = String(repeating: " ", count: indentation)
    switch value {
    case .object(let object) where !object.isEmpty:
      return object.members.map { member in
        let key: String = scalar(.string(member.key))
        return isBlock(member.value)
          ? "\(pad)\(key):\n\(emit(member.value, indentation: indentation + 2))" : "\(pad)\(key): \(inline(member.value))\n"
      }.joined()
    case .array(let array) where !array.isEmpty:
      return array.map { item in
        guard isBlock(item) else { return "\(pad)- \(inline(item))\n" }
        return "\(pad)- " + emit(item, indentation: indentation + 2).dropFirst(indentation + 2)
      }.joined()
    default: return pad + inline(value) + "\n"
    }
  }

  /// Small things stand on one line.
  private static func isBlock(_ value: JSONValue) -> Bool {
    switch value {
    case .object(let object): !object.isEmpty && inline(value).count > 100
    case .array(let array): !array.isEmpty && inline(value).count > 100
    default: false
    }
  }

  private static func inline(_ value: JSONValue) -> String {
    switch value {
    case .object(let object): "{" + object.members.map { "\(scalar(.string($0.key))): \(inline($0.value))" }.joined(separator: ", ") + "}"
    case .array(let array): "[" + array.map { inline($0) }.joined(separator: ", ") + "]"
    default: scalar(value)
    }
  }

  private static func scalar(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return value.serialized().text }
    let plain: Bool =
      !text.isEmpty && Int64(text) == nil && !["true", "false", "null", "yes", "no", "on", "off"].contains(text.lowercased())
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "-._/".utf8.contains(byte)
      } && text.utf8.first != UInt8(ascii: "-")
    return plain ? text : value.serialized().text
  }
}
