import HTTP
import Keyspace
import Primitives

/// What an election's winner is told, and shows when it proclaims or resigns (`v3electionpb.LeaderKey`).
struct LeaderKey: Sendable {
  var name: Bytes = []
  var key: Bytes = []
  /// Of the key's creation.
  var revision: Int64 = 0
  var lease: Int64 = 0

  init() {}

  init(_ reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.bytes(field)
      case 2: key = try reader.bytes(field)
      case 3: revision = try reader.int64(field)
      case 4: lease = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
  }

  func encode(_ writer: inout ProtobufWriter) {
    writer.bytes(1, name)
    writer.bytes(2, key)
    writer.int64(3, revision)
    writer.int64(4, lease)
  }

  /// Requests whose first field is a leader's key and whose second, where there is one, is a value.
  static func decode(_ request: ProtobufReader) throws -> (leader: LeaderKey, value: Bytes) {
    var reader: ProtobufReader = request
    var (leader, value): (LeaderKey?, Bytes) = (nil, [])
    while let field = try reader.next() {
      switch field.number {
      case 1: leader = try LeaderKey(try reader.message(field))
      case 2: value = try reader.bytes(field)
      default: try reader.skip(field)
      }
    }
    guard let leader else { throw GRPCStatus.leaderFieldMissing }
    return (leader, value)
  }
}
