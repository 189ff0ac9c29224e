import HTTP
import Keyspace
import Primitives

/// `physical` asks to wait until the space is free: forgetting is done when the store has answered, so both are the same here.
struct CompactMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.KV/Compact"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var revision: Int64 = 0
    while let field = try reader.next() {
      if field.number == 1 { revision = try reader.int64(field) } else { try reader.skip(field) }
    }
    let (store, wanted): (any KeyValueStore, Int64) = (service.store, revision)
    call.run({ try await store.compact(revision: wanted) }) { _ in call.answer { service.header().encode(&$0) } }
  }
}
