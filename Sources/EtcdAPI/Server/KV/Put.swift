import HTTP
import Keyspace
import Primitives

struct PutMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.KV/Put"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let request = try PutRequest(request)
    guard !request.key.isEmpty else { throw KeyspaceError(.emptyKey, "a put needs a key") }
    call.transact(TransactionRequest(success: [.put(request)])) { response in
      guard case .put(let previous)? = response.responses.first else {
        return call.fail(GRPCStatus(.internal, "etcdserver: the store answered a put as something else"))
      }
      call.answer { PutResponse.encode(&$0, header: service.header(revision: response.revision), previous: previous) }
    }
  }
}
