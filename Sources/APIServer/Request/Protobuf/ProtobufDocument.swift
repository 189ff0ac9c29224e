import HTTP
import KubeModel
import NIOCore
import Primitives
import TLS

/// Bodies in Kubernetes' protobuf encoding, as kubectl's `create` subcommands and typed Go clients send them: read into the same tree as
/// JSON. Answers are JSON, which these clients accept, too.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding-idl
enum ProtobufDocument {
  static let mediaType: String = "application/vnd.kubernetes.protobuf"
  private static let magic: [UInt8] = [0x6B, 0x38, 0x73, 0x00]

  static func json(_ bytes: ByteBuffer) throws -> JSONValue {
    var bytes: ByteBuffer = bytes
    guard bytes.readBytes(length: 4) == magic else {
      throw KubeStatus.badRequest("the request's body does not begin with the prefix of Kubernetes' protobuf encoding")
    }
    do {
      return try object(bytes)
    } catch let error as KubeStatus {
      throw error
    } catch {
      throw KubeStatus.badRequest("the request's body is not readable as protobuf: \(error)")
    }
  }

  /// `runtime.Unknown`: kind and version, then the object's own bytes.
  private static func object(_ bytes: ByteBuffer) throws -> JSONValue {
    var reader = ProtobufReader(bytes)
    var apiVersion: String = ""
    var kind: String = ""
    var raw = ByteBuffer()
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1:
        var meta: ProtobufReader = try reader.message(field)
        while let field: ProtobufReader.Field = try meta.next() {
          switch field.number {
          case 1: apiVersion = try meta.string(field)
          case 2: kind = try meta.string(field)
          default: try meta.skip(field)
          }
        }
      case 2: raw = try reader.slice(field)
      default: try reader.skip(field)
      }
    }
    guard let type: SchemaType = type(apiVersion: apiVersion, kind: kind) else {
      throw KubeStatus.badRequest("no kind \"\(kind)\" in version \"\(apiVersion)\" is known in protobuf")
    }
    var message = ProtobufReader(raw)
    var decoded = JSONObject([("apiVersion", .string(apiVersion)), ("kind", .string(kind))])
    try ProtobufMessage.decode(&message, name: type.name, type: type, into: &decoded)
    return .object(decoded)
  }

  private static func type(apiVersion: String, kind: String) -> SchemaType? {
    if kind == "DeleteOptions" { return SchemaTable.shared["meta.v1.DeleteOptions"] }
    return SchemaTable.shared.types.first { type in type.kinds.contains { $0.apiVersion == apiVersion && $0.kind == kind } }
  }
}

/// Walks a message along its schema.
enum ProtobufMessage {
  static func decode(_ reader: inout ProtobufReader, name: String, type: SchemaType, into object: inout JSONObject) throws {
    guard let targets = ProtobufNumbers.shared.message(name) else {
      throw KubeStatus.badRequest("the type \(name) is not known in protobuf; send JSON")
    }
    while let field: ProtobufReader.Field = try reader.next() {
      switch targets[field.number] {
      case nil: try reader.skip(field)
      case .inlined(let inner):
        var message: ProtobufReader = try reader.message(field)
        try decode(&message, name: inner, type: type, into: &object)
      case .field(let name, let isPointer):
        guard let schema: SchemaField = type.field(name) else {
          try reader.skip(field)
          continue
        }
        try decode(&reader, field, schema.type, isPointer: isPointer, name: name, into: &object)
      }
    }
  }

  private static func decode(
    _ reader: inout ProtobufReader, _ field: ProtobufReader.Field, _ type: ValueType, isPointer: Bool, name: String,
    into object: inout JSONObject
  ) throws {
    switch type {
    case .list(let element):
      guard let value: JSONValue = try value(&reader, field, element, keepsZero: true) else { return }
      object[name] = .array((object[name]?.array ?? []) + [value])
    case .map(let element):
      var entry: ProtobufReader = try reader.message(field)
      var key: String = ""
      var item: JSONValue?
      while let part: ProtobufReader.Field = try entry.next() {
        switch part.number {
        case 1: key = try entry.string(part)
        case 2: item = try value(&entry, part, element, keepsZero: true)
        default: try entry.skip(part)
        }
      }
      var map: JSONValue = object[name] ?? .object(JSONObject())
      map[key] = item ?? ""
      object[name] = map
    default:
      if let value: JSONValue = try value(&reader, field, type, keepsZero: isPointer) { object[name] = value }
    }
  }

  private static func value(
    _ reader: inout ProtobufReader, _ field: ProtobufReader.Field, _ type: ValueType, keepsZero: Bool
  ) throws -> JSONValue? {
    switch type {
    case .string:
      let text: String = try reader.string(field)
      return text.isEmpty && !keepsZero ? nil : .string(text)
    case .boolean:
      let flag: Bool = try reader.bool(field)
      return flag || keepsZero ? .bool(flag) : nil
    case .int32, .int64:
      let number: Int64 = try reader.int64(field)
      return number != 0 || keepsZero ? .int(number) : nil
    case .number: return .double(try reader.double(field))
    case .bytes: return .string(Base64.encode(try reader.bytes(field)))
    case .quantity:
      var message: ProtobufReader = try reader.message(field)
      guard let text: String = try strings(&message)[1] else { return nil }
      return .string(text)
    case .time, .microTime: return try time(&reader, field, micro: type == .microTime)
    case .intOrString:
      var message: ProtobufReader = try reader.message(field)
      return try intOrString(&message)
    case .any:
      // RawExtension and FieldsV1: JSON in the first field.
      var message: ProtobufReader = try reader.message(field)
      while let part: ProtobufReader.Field = try message.next() {
        if part.number == 1 { return try JSONValue.parse(try message.bytes(part)) }
        try message.skip(part)
      }
      return nil
    case .object(let id):
      let schema: SchemaType = SchemaTable.shared[id]
      if let scalar: ValueType = schema.scalar { return try value(&reader, field, scalar, keepsZero: keepsZero) }
      var message: ProtobufReader = try reader.message(field)
      var object = JSONObject()
      try decode(&message, name: schema.name, type: schema, into: &object)
      return object.isEmpty && !keepsZero ? nil : .object(object)
    case .list, .map: throw KubeStatus.badRequest("lists of lists have no protobuf form")
    }
  }

  private static func strings(_ message: inout ProtobufReader) throws -> [Int: String] {
    var texts: [Int: String] = [:]
    while let part: ProtobufReader.Field = try message.next() {
      if part.wire == .lengthDelimited { texts[part.number] = try message.string(part) } else { try message.skip(part) }
    }
    return texts
  }

  /// Seconds and nanoseconds; an empty message is no time at all.
  private static func time(_ reader: inout ProtobufReader, _ field: ProtobufReader.Field, micro: Bool) throws -> JSONValue? {
    var message: ProtobufReader = try reader.message(field)
    var seconds: Int64?
    var nanoseconds: Int32 = 0
    while let part: ProtobufReader.Field = try message.next() {
      switch part.number {
      case 1: seconds = try message.int64(part)
      case 2: nanoseconds = try message.int32(part)
      default: try message.skip(part)
      }
    }
    guard let seconds else { return nil }
    let time = WallTime(secondsSince1970: seconds, nanoseconds: nanoseconds)
    return .string(micro ? time.rfc3339Micro : time.rfc3339)
  }

  private static func intOrString(_ message: inout ProtobufReader) throws -> JSONValue? {
    var isString: Bool = false
    var number: Int32 = 0
    var text: String = ""
    while let part: ProtobufReader.Field = try message.next() {
      switch part.number {
      case 1: isString = try message.int64(part) == 1
      case 2: number = try message.int32(part)
      case 3: text = try message.string(part)
      default: try message.skip(part)
      }
    }
    if isString { return .string(text) }
    // Zero is what an unset target port looks like.
    return number == 0 ? nil : .int(Int64(number))
  }
}
