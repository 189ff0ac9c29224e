import HTTP
import Keyspace
import NIOCore
import Primitives

/// Field numbers are those of etcd's `rpc.proto` and `kv.proto` (https://github.com/etcd-io/etcd/tree/main/api).
struct ResponseHeader: Sendable {
  var clusterID: UInt64 = 0
  var memberID: UInt64 = 0
  var revision: Int64 = 0
  var raftTerm: UInt64 = 0

  func encode(_ writer: inout ProtobufWriter) {
    writer.message(1) { header in
      header.uint64(1, clusterID)
      header.uint64(2, memberID)
      header.int64(3, revision)
      header.uint64(4, raftTerm)
    }
  }

  init(clusterID: UInt64 = 0, memberID: UInt64 = 0, revision: Int64 = 0, raftTerm: UInt64 = 0) {
    (self.clusterID, self.memberID, self.revision, self.raftTerm) = (clusterID, memberID, revision, raftTerm)
  }

  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: clusterID = try reader.uint64(field)
      case 2: memberID = try reader.uint64(field)
      case 3: revision = try reader.int64(field)
      case 4: raftTerm = try reader.uint64(field)
      default: try reader.skip(field)
      }
    }
  }
}

extension KeyValue {
  func encode(_ writer: inout ProtobufWriter) {
    writer.bytes(1, key)
    writer.int64(2, createRevision)
    writer.int64(3, modRevision)
    writer.int64(4, version)
    writer.bytes(5, value)
    writer.int64(6, lease)
  }

  init(_ reader: ProtobufReader) throws {
    self.init(key: [], value: [], createRevision: 0, modRevision: 0, version: 0)
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: key = try reader.bytes(field)
      case 2: createRevision = try reader.int64(field)
      case 3: modRevision = try reader.int64(field)
      case 4: version = try reader.int64(field)
      case 5: value = try reader.bytes(field)
      case 6: lease = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
  }

  var approximateBytes: Int { key.count + value.count + 48 }
}

extension KeyRange {
  /// From the wire's two fields, where an absent and an empty end are the same.
  init(wireKey key: Bytes, end: Bytes) { self.init(key: key, end: end.isEmpty ? nil : end) }

  func encode(_ writer: inout ProtobufWriter, key: Int, end: Int) {
    writer.bytes(key, self.key)
    if let rangeEnd: Bytes = self.end { writer.bytes(end, rangeEnd) }
  }
}
