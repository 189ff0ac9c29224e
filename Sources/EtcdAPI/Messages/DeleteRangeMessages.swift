import HTTP
import Keyspace
import Primitives

extension DeleteRequest {
  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var (key, end): (Bytes, Bytes) = ([], [])
    var previous: Bool = false
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try reader.bytes(field)
      case 2: end = try reader.bytes(field)
      case 3: previous = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    self.init(KeyRange(wireKey: key, end: end), previous: previous)
  }

  func encode(_ writer: inout ProtobufWriter) {
    range.encode(&writer, key: 1, end: 2)
    writer.bool(3, previous)
  }
}

enum DeleteRangeResponse {
  static func encode(_ writer: inout ProtobufWriter, header: ResponseHeader, deleted: Int64, previous: [KeyValue]) {
    header.encode(&writer)
    writer.int64(2, deleted)
    for keyValue in previous { writer.message(3) { keyValue.encode(&$0) } }
  }

  static func decode(_ reader: ProtobufReader) throws -> (deleted: Int64, previous: [KeyValue]) {
    var reader: ProtobufReader = reader
    var deleted: Int64 = 0
    var previous: [KeyValue] = []
    while let field = try reader.next() {
      switch field.number {
      case 2: deleted = try reader.int64(field)
      case 3: previous.append(try KeyValue(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
    return (deleted, previous)
  }
}
