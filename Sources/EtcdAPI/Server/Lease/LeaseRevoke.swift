import HTTP
import Keyspace
import Primitives

struct LeaseRevokeMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Lease/LeaseRevoke"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let id: Int64 = try LeaseID.decode(request)
    let store: any KeyValueStore = service.store
    call.run({ try await store.revokeLease(id: id) }) { _ in call.answer { service.header().encode(&$0) } }
  }
}

/// Messages whose first field is a lease's id and matters alone.
enum LeaseID {
  static func decode(_ message: ProtobufReader) throws -> Int64 {
    var reader: ProtobufReader = message
    var id: Int64 = 0
    while let field = try reader.next() {
      if field.number == 1 { id = try reader.int64(field) } else { try reader.skip(field) }
    }
    return id
  }
}
