import HTTP
import NIOCore
import Primitives
import TLS

/// Between a message's JSON form (https://protobuf.dev/programming-guides/json/) and its bytes. Out: names as declared, bytes in base64,
/// 64-bit integers as text, what has its default left out, as etcd's gateway writes it. In: either form of a name, integers as numbers or
/// text, base64 of either alphabet with or without padding, enumerations by name or number; unknown names are passed over.
struct Transcoder: Sendable {
  let messages: [String: MessageSchema]

  func bytes(_ tree: JSONTree, as message: String) throws(JSONFault) -> ByteBuffer {
    var writer = ProtobufWriter(capacity: 256)
    try encode(tree, message, &writer)
    return writer.buffer
  }

  private func fault(_ field: MessageSchema.Field, _ wanted: String) -> JSONFault {
    JSONFault(reason: "field \(field.name): \(wanted) was expected", offset: 0)
  }

  private func encode(_ tree: JSONTree, _ message: String, _ writer: inout ProtobufWriter) throws(JSONFault) {
    guard case .object(let values) = tree else { throw JSONFault(reason: "a \(message) is an object", offset: 0) }
    guard let schema: MessageSchema = messages[message] else { preconditionFailure("no schema of \(message)") }
    // In the order of the declaration: equal texts give equal bytes, and of a oneof's members the last declared counts.
    for field in schema.fields {
      guard let (_, value) = values.first(where: { schema.byName[$0.key]?.number == field.number }) else { continue }
      if case .null = value { continue }
      guard field.isRepeated else {
        try encode(value, field, &writer)
        continue
      }
      guard case .array(let elements) = value else { throw fault(field, "an array") }
      for element in elements { try encode(element, field, &writer) }
    }
  }

  private func encode(_ value: JSONTree, _ field: MessageSchema.Field, _ writer: inout ProtobufWriter) throws(JSONFault) {
    switch field.kind {
    case .bytes:
      guard case .string(let text) = value, let bytes: Bytes = Self.base64(text) else { throw fault(field, "base64") }
      writer.presentBytes(field.number, bytes)
    case .string:
      guard case .string(let text) = value else { throw fault(field, "a string") }
      writer.presentString(field.number, text)
    case .bool:
      guard case .bool(let flag) = value else { throw fault(field, "true or false") }
      writer.presentUInt64(field.number, flag ? 1 : 0)
    case .int64:
      guard let text: String = Self.digits(value), let number = Int64(text) else { throw fault(field, "a 64-bit integer") }
      writer.presentInt64(field.number, number)
    case .uint64:
      guard let text: String = Self.digits(value), let number = UInt64(text) else { throw fault(field, "a 64-bit integer, not negative") }
      writer.presentUInt64(field.number, number)
    case .uint32:
      guard let text: String = Self.digits(value), let number = UInt32(text) else { throw fault(field, "a 32-bit integer, not negative") }
      writer.presentUInt64(field.number, UInt64(number))
    case .enumeration(let names):
      if case .string(let text) = value, let number: Int = names.firstIndex(of: text) {
        writer.presentUInt64(field.number, UInt64(number))
      } else if case .number(let text) = value, let number = Int32(text) {
        writer.presentInt64(field.number, Int64(number))
      } else if case .string = value {
        // A name that is none is passed over like a field that is none: etcd discards what it does not know.
        return
      } else {
        throw fault(field, "one of \(names.joined(separator: ", "))")
      }
    case .message(let name):
      var inner = ProtobufWriter(capacity: 64)
      try encode(value, name, &inner)
      writer.slice(field.number, inner.buffer)
    }
  }

  /// protobuf's JSON form takes integers as text too, and whole numbers with a fraction of zero.
  private static func digits(_ value: JSONTree) -> String? {
    switch value {
    case .string(let text): return text
    case .number(let text):
      if Int64(text) != nil || UInt64(text) != nil { return text }
      guard let double = Double(text), let whole = Int64(exactly: double) else { return nil }
      return String(whole)
    default: return nil
    }
  }

  private static func base64(_ text: String) -> Bytes? {
    var letters = Bytes(text)
    while letters.last == UInt8(ascii: "=") { letters.removeLast() }
    for index in letters.indices {
      if letters[index] == UInt8(ascii: "+") { letters[index] = UInt8(ascii: "-") }
      if letters[index] == UInt8(ascii: "/") { letters[index] = UInt8(ascii: "_") }
    }
    return Base64.decode(letters, .url)
  }

  // MARK: Out

  func json(_ message: ByteBuffer, as name: String, into json: inout JSONWriter) throws { try write(ProtobufReader(message), name, &json) }

  private func write(_ message: ProtobufReader, _ name: String, _ json: inout JSONWriter) throws {
    guard let schema: MessageSchema = messages[name] else { preconditionFailure("no schema of \(name)") }
    var reader: ProtobufReader = message
    json.beginObject()
    // Our own encoders write a repeated field's elements next to each other: an array is open as long as they come.
    var open: Int?
    var told: Set<Int> = []
    while let field = try reader.next() {
      guard let known: MessageSchema.Field = schema.byNumber[field.number] else {
        try reader.skip(field)
        continue
      }
      if let before: Int = open, before != known.number {
        json.endArray()
        open = nil
      }
      if open == nil {
        if try !known.isRepeated && isDefault(known, field, reader) {
          try reader.skip(field)
          continue
        }
        // JSON knows each name once; whoever else wrote this message may have written a field twice.
        guard told.insert(known.number).inserted else {
          throw ProtobufError(.badTag, "Field \(known.name) stands in the message at more than one place.")
        }
        json.name(known.name)
        if known.isRepeated {
          json.beginArray()
          open = known.number
        }
      }
      try write(known, field, &reader, &json)
    }
    if open != nil { json.endArray() }
    json.endObject()
  }

  /// Members of a oneof are on the wire also when they are zero; plain fields with their default are left out of the text.
  private func isDefault(_ known: MessageSchema.Field, _ field: ProtobufReader.Field, _ reader: ProtobufReader) throws -> Bool {
    var reader: ProtobufReader = reader
    switch known.kind {
    case .bytes, .string: return try reader.slice(field).readableBytes == 0
    case .message: return false
    case .bool, .int64, .uint64, .uint32, .enumeration: return try reader.uint64(field) == 0
    }
  }

  private func write(
    _ known: MessageSchema.Field, _ field: ProtobufReader.Field, _ reader: inout ProtobufReader, _ json: inout JSONWriter
  ) throws {
    switch known.kind {
    case .bytes: json.string(Base64.encode(try reader.bytes(field)))
    case .string: json.string(try reader.string(field))
    case .bool: json.raw(try reader.bool(field) ? "true" : "false")
    case .int64: json.string(String(try reader.int64(field)))
    case .uint64: json.string(String(try reader.uint64(field)))
    case .uint32: json.raw(String(try reader.uint32(field)))
    case .enumeration(let names):
      let value: UInt64 = try reader.uint64(field)
      if value < UInt64(names.count) { json.string(names[Int(value)]) } else { json.raw(String(value)) }
    case .message(let name): try write(try reader.message(field), name, &json)
    }
  }
}
