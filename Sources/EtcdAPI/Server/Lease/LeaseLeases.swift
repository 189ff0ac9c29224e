import HTTP
import Keyspace
import Primitives

struct LeaseLeasesMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Lease/LeaseLeases"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let store: any KeyValueStore = service.store
    call.run({ try await store.leases() }) { leases in
      call.answer { writer in
        service.header().encode(&writer)
        for id in leases { writer.message(2) { $0.int64(1, id) } }
      }
    }
  }
}
