import HTTP
import Keyspace
import Primitives

/// A lease that does not exist is no error: its TTL is -1.
struct LeaseTimeToLiveMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Lease/LeaseTimeToLive"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var id: Int64 = 0
    var keys: Bool = false
    while let field = try reader.next() {
      switch field.number {
      case 1: id = try reader.int64(field)
      case 2: keys = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    let (store, wanted, withKeys): (any KeyValueStore, Int64, Bool) = (service.store, id, keys)
    call.run({ try await store.leaseTimeToLive(id: wanted, withKeys: withKeys) }) { status in
      call.answer { writer in
        service.header().encode(&writer)
        writer.int64(2, wanted)
        writer.int64(3, status.ttlSeconds)
        writer.int64(4, status.grantedSeconds)
        for key in status.keys { writer.presentBytes(5, key) }
      }
    }
  }
}
