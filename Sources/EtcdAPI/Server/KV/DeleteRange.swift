import HTTP
import Keyspace
import Primitives

struct DeleteRangeMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.KV/DeleteRange"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let request = try DeleteRequest(request)
    guard !request.range.key.isEmpty else { throw KeyspaceError(.emptyKey, "a deletion needs a key") }
    call.transact(TransactionRequest(success: [.delete(request)])) { response in
      guard case .delete(let deleted, let previous)? = response.responses.first else {
        return call.fail(GRPCStatus(.internal, "etcdserver: the store answered a deletion as something else"))
      }
      call.answer {
        DeleteRangeResponse.encode(&$0, header: service.header(revision: response.revision), deleted: deleted, previous: previous)
      }
    }
  }
}
