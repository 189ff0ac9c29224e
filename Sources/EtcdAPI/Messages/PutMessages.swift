import HTTP
import Keyspace
import Primitives

extension PutRequest {
  init(_ reader: ProtobufReader) throws {
    self.init(key: [], value: [])
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try reader.bytes(field)
      case 2: value = try reader.bytes(field)
      case 3: lease = try reader.int64(field)
      case 4: previous = try reader.bool(field)
      case 5: ignoreValue = try reader.bool(field)
      case 6: ignoreLease = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
  }

  func encode(_ writer: inout ProtobufWriter) {
    writer.bytes(1, key)
    writer.bytes(2, value)
    writer.int64(3, lease)
    writer.bool(4, previous)
    writer.bool(5, ignoreValue)
    writer.bool(6, ignoreLease)
  }
}

/// `PutResponse`: a header and what was there before.
enum PutResponse {
  static func encode(_ writer: inout ProtobufWriter, header: ResponseHeader, previous: KeyValue?) {
    header.encode(&writer)
    if let previous { writer.message(2) { previous.encode(&$0) } }
  }

  static func decode(_ reader: ProtobufReader) throws -> KeyValue? {
    var reader: ProtobufReader = reader
    var previous: KeyValue?
    while let field = try reader.next() {
      switch field.number {
      case 2: previous = try KeyValue(try reader.message(field))
      default: try reader.skip(field)
      }
    }
    return previous
  }
}
