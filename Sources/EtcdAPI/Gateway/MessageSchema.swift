import Primitives

/// A protobuf message as the gateway must know it: field names, numbers and types. Read once from a text of one line per message:
///
///     Name: field 1 type, field 2 type*, field 3 Message, field 4 Enum=A|B|C
///
/// `*` after a type: repeated. Types in lower case are protobuf's; others are messages of the same text.
struct MessageSchema: Sendable {
  enum Kind: Sendable {
    case bytes, string, bool, int64, uint64, uint32
    case enumeration([String])
    case message(String)
  }
  struct Field: Sendable {
    var name: String
    var number: Int
    var kind: Kind
    var isRepeated: Bool
  }
  var fields: [Field] = []
  /// By name as it is declared, and as protobuf's JSON form writes it (`range_end`, `rangeEnd`): both are accepted.
  private(set) var byName: [String: Field] = [:]
  private(set) var byNumber: [Int: Field] = [:]

  static func parse(_ text: String) -> [String: MessageSchema] {
    var messages: [String: MessageSchema] = [:]
    for line in text.split(separator: "\n") {
      let halves: [Substring] = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      precondition(halves.count == 2, "a line of the schema has no colon: \(line)")
      var schema = MessageSchema()
      for part in halves[1].split(separator: ",") { schema.add(field(part.split(separator: " "))) }
      messages[halves[0].filter { $0 != " " }] = schema
    }
    for (name, schema) in messages {
      for case .message(let inner) in schema.fields.map(\.kind) {
        precondition(messages[inner] != nil, "\(name) speaks of \(inner), unknown")
      }
    }
    return messages
  }

  private static func field(_ words: [Substring]) -> Field {
    guard words.count == 3, let number = Int(words[1]) else {
      preconditionFailure("a field of the schema is not name number type: \(words)")
    }
    let isRepeated: Bool = words[2].hasSuffix("*")
    let type = String(isRepeated ? words[2].dropLast() : words[2])
    let kind: Kind =
      switch type {
      case "bytes": .bytes
      case "string": .string
      case "bool": .bool
      case "int64": .int64
      case "uint64": .uint64
      case "uint32": .uint32
      default: type.contains("|") ? .enumeration(type.split(separator: "|").map(String.init)) : .message(type)
      }
    return Field(name: String(words[0]), number: number, kind: kind, isRepeated: isRepeated)
  }

  private mutating func add(_ field: Field) {
    fields.append(field)
    byName[field.name] = field
    byName[Self.jsonName(field.name)] = field
    byNumber[field.number] = field
  }

  /// `range_end` → `rangeEnd`.
  private static func jsonName(_ name: String) -> String {
    var result: String = ""
    var raise: Bool = false
    for character in name {
      if character == "_" {
        raise = true
      } else {
        result += raise ? character.uppercased() : String(character)
        raise = false
      }
    }
    return result
  }
}
