import Primitives

/// Walks a tree along its type. Wrong types are told as Go's encoding/json does, since clients' tests and people know these sentences.
struct ObjectDecoder {
  private enum Step {
    case field(String)
    case index(Int)
  }
  private(set) var unknownFields: [String] = []
  private(set) var typeError: String?
  private var path: [Step] = []
  /// The struct that the field at hand belongs to.
  private var owner: String = ""

  mutating func object(_ value: JSONValue, _ id: TypeID) -> JSONValue { decode(value, .object(id)) ?? [:] }

  private mutating func decode(_ value: JSONValue, _ type: ValueType) -> JSONValue? {
    if value.isNull { return nil }
    switch type {
    case .any: return value
    case .object(let id): return object(value, SchemaTable.shared[id])
    case .list(let element): return list(value, element, type)
    case .map(let element): return map(value, element, type)
    case .string:
      if case .string = value { return value }
    case .boolean:
      if case .bool = value { return value }
    case .int32:
      if case .int(let number) = value, Int32(exactly: number) != nil { return value }
    case .int64:
      if case .int = value { return value }
    case .number:
      if value.double != nil { return value }
    case .intOrString:
      if IntOrString(json: value) != nil { return value }
    case .quantity:
      if let quantity: Quantity = Quantity(json: value) { return .string(quantity.description) }
      if value.string != nil || value.double != nil { return fail(Quantity.formatMessage) }
    case .time:
      if case .string(let text) = value { return time(text, micro: false) }
    case .microTime:
      if case .string(let text) = value { return time(text, micro: true) }
    case .bytes:
      if case .string(let text) = value {
        if Base64.isValid(text) { return value }
        return fail("illegal base64 data at input byte \(Base64.firstInvalid(text))")
      }
    }
    return mismatch(value, type)
  }

  private mutating func object(_ value: JSONValue, _ type: SchemaType) -> JSONValue? {
    if let scalar: ValueType = type.scalar { return decode(value, scalar) }
    guard case .object(let object) = value else { return mismatch(value, "v1.\(type.shortName)") }
    let outer: String = owner
    owner = type.shortName
    defer { owner = outer }
    var members: [JSONObject.Member] = []
    members.reserveCapacity(object.count)
    for member in object.members {
      guard let field: SchemaField = type.field(member.key) else {
        if unknownFields.count < KubeLimits.reportedFields { unknownFields.append(pathText(and: member.key)) }
        continue
      }
      path.append(.field(member.key))
      if let decoded: JSONValue = decode(member.value, field.type) { members.append(JSONObject.Member(key: member.key, value: decoded)) }
      path.removeLast()
    }
    return .object(JSONObject(members: members))
  }

  private mutating func list(_ value: JSONValue, _ element: ValueType, _ type: ValueType) -> JSONValue? {
    guard case .array(let elements) = value else { return mismatch(value, type) }
    var decoded: [JSONValue] = []
    decoded.reserveCapacity(elements.count)
    for (index, one) in elements.enumerated() {
      path.append(.index(index))
      decoded.append(decode(one, element) ?? Self.zero(element))
      path.removeLast()
    }
    return .array(decoded)
  }

  private mutating func map(_ value: JSONValue, _ element: ValueType, _ type: ValueType) -> JSONValue? {
    guard case .object(let object) = value else { return mismatch(value, type) }
    var members: [JSONObject.Member] = []
    members.reserveCapacity(object.count)
    for member in object.members {
      path.append(.field(member.key))
      members.append(JSONObject.Member(key: member.key, value: decode(member.value, element) ?? Self.zero(element)))
      path.removeLast()
    }
    return .object(JSONObject(members: members))
  }

  /// What Go makes of a null element.
  private static func zero(_ type: ValueType) -> JSONValue {
    switch type {
    case .string, .bytes: ""
    case .boolean: false
    case .int32, .int64, .number, .intOrString: 0
    case .quantity: "0"
    case .list: []
    case .map, .object: [:]
    case .any, .time, .microTime: .null
    }
  }

  private mutating func time(_ text: String, micro: Bool) -> JSONValue? {
    if text.isEmpty { return nil }
    guard let time: WallTime = WallTime(rfc3339: text) else {
      let layout: String = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
      return fail("parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(text)\" as \"2006\"")
    }
    return .string(micro ? time.rfc3339Micro : time.rfc3339)
  }

  private mutating func fail(_ message: String) -> JSONValue? {
    if typeError == nil { typeError = message }
    return nil
  }

  private mutating func mismatch(_ value: JSONValue, _ type: ValueType) -> JSONValue? { mismatch(value, Self.goName(type)) }

  private mutating func mismatch(_ value: JSONValue, _ goType: String) -> JSONValue? {
    guard typeError == nil else { return nil }
    let found: String =
      switch value {
      case .null: "null"
      case .bool: "bool"
      case .int(let number): goType.hasPrefix("int") ? "number \(number)" : "number"
      case .double(let number): goType.hasPrefix("int") ? "number \(JSONNumbers.text(number))" : "number"
      case .string: "string"
      case .array: "array"
      case .object: "object"
      }
    let names: [String] = path.compactMap { if case .field(let name) = $0 { name } else { nil } }
    let place: String = names.isEmpty ? "Go value" : "Go struct field \(owner).\(names.joined(separator: "."))"
    return fail("json: cannot unmarshal \(found) into \(place) of type \(goType)")
  }

  private static func goName(_ type: ValueType) -> String {
    switch type {
    case .string: "string"
    case .boolean: "bool"
    case .int32: "int32"
    case .int64: "int64"
    case .number: "float64"
    case .bytes: "[]uint8"
    case .quantity: "resource.Quantity"
    case .time: "time.Time"
    case .microTime: "time.Time"
    case .intOrString: "intstr.IntOrString"
    case .any: "interface {}"
    case .list(let element): "[]\(goName(element))"
    case .map(let element): "map[string]\(goName(element))"
    case .object(let id): "v1.\(SchemaTable.shared[id].shortName)"
    }
  }

  private func pathText(and last: String) -> String {
    var text: String = ""
    for step in path {
      switch step {
      case .field(let name): text += text.isEmpty ? name : ".\(name)"
      case .index(let index): text += "[\(index)]"
      }
    }
    return text.isEmpty ? last : "\(text).\(last)"
  }
}
