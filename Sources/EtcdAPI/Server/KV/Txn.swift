import HTTP
import Keyspace
import Primitives

struct TxnMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.KV/Txn"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    call.transact(try TransactionRequest(request)) { response in
      call.answer(capacity: 512) { response.encode(&$0, header: service.header(revision: response.revision)) }
    }
  }
}
