import HTTP
import Keyspace
import Primitives

struct RangeMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.KV/Range"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let request = try RangeRequest(request)
    guard !request.range.key.isEmpty else { throw KeyspaceError(.emptyKey, "a range needs a key") }
    call.range(request) { response in
      call.answer(capacity: response.approximateBytes) { response.encode(&$0, header: service.header(revision: response.revision)) }
    }
  }
}
