import HTTP
import Keyspace
import Primitives

extension RangeRequest {
  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    var (key, end): (Bytes, Bytes) = ([], [])
    var (target, order): (Int32, Int32) = (0, 0)
    self.init(key: [])
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try reader.bytes(field)
      case 2: end = try reader.bytes(field)
      case 3: limit = max(0, try reader.int64(field))
      case 4: revision = max(0, try reader.int64(field))
      case 5: order = try reader.int32(field)
      case 6: target = try reader.int32(field)
      case 7: serializable = try reader.bool(field)
      case 8: keysOnly = try reader.bool(field)
      case 9: countOnly = try reader.bool(field)
      case 10: minModRevision = try reader.int64(field)
      case 11: maxModRevision = try reader.int64(field)
      case 12: minCreateRevision = try reader.int64(field)
      case 13: maxCreateRevision = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
    guard let sortOrder = SortOrder(rawValue: UInt8(clamping: order)), let sortTarget = SortTarget(rawValue: UInt8(clamping: target)),
      order >= 0, target >= 0
    else { throw GRPCStatus(.invalidArgument, "etcdserver: invalid sort option") }
    range = KeyRange(wireKey: key, end: end)
    self.sortTarget = sortTarget
    // As etcd: a target without an order means ascending.
    self.sortOrder = sortOrder == .none && sortTarget != .key ? .ascend : sortOrder
  }

  func encode(_ writer: inout ProtobufWriter) {
    range.encode(&writer, key: 1, end: 2)
    writer.int64(3, limit)
    writer.int64(4, revision)
    writer.int32(5, Int32(sortOrder.rawValue))
    writer.int32(6, Int32(sortTarget.rawValue))
    writer.bool(7, serializable)
    writer.bool(8, keysOnly)
    writer.bool(9, countOnly)
    writer.int64(10, minModRevision)
    writer.int64(11, maxModRevision)
    writer.int64(12, minCreateRevision)
    writer.int64(13, maxCreateRevision)
  }
}

extension RangeResponse {
  func encode(_ writer: inout ProtobufWriter, header: ResponseHeader) {
    header.encode(&writer)
    for keyValue in keyValues { writer.message(2) { keyValue.encode(&$0) } }
    writer.bool(3, more)
    writer.int64(4, count)
  }

  init(_ reader: ProtobufReader) throws {
    self.init(revision: 0, keyValues: [], count: 0)
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: revision = try ResponseHeader(try reader.message(field)).revision
      case 2: keyValues.append(try KeyValue(try reader.message(field)))
      case 3: more = try reader.bool(field)
      case 4: count = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
  }

  var approximateBytes: Int { keyValues.reduce(64) { $0 + $1.approximateBytes + 8 } }
}
