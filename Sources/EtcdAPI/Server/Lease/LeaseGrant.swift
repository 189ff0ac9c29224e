import HTTP
import Keyspace
import Primitives

struct LeaseGrantMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Lease/LeaseGrant"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var (ttl, id): (Int64, Int64) = (0, 0)
    while let field = try reader.next() {
      switch field.number {
      case 1: ttl = try reader.int64(field)
      case 2: id = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
    let (store, seconds, wanted): (any KeyValueStore, Int64, Int64) = (service.store, ttl, id)
    call.run({ try await store.grantLease(ttlSeconds: seconds, id: wanted) }) { grant in
      call.answer { writer in
        service.header().encode(&writer)
        writer.int64(2, grant.id)
        writer.int64(3, grant.ttlSeconds)
      }
    }
  }
}
