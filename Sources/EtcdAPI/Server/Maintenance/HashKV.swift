import HTTP
import Keyspace
import Primitives

/// Members of ours agree on the number; it is not etcd's.
struct HashKVMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/HashKV"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var revision: Int64 = 0
    while let field = try reader.next() {
      if field.number == 1 { revision = try reader.int64(field) } else { try reader.skip(field) }
    }
    let (directory, wanted): (any MemberDirectory, Int64) = (service.directory, max(0, revision))
    let metrics: EtcdMetrics = service.metrics
    call.run({ try await metrics.timing(metrics.hashOfRevision) { try await directory.hashKeys(revision: wanted) } }) { hash in
      guard let hash else { return call.fail(EtcdError.unsupported("HashKV")) }
      call.answer { writer in
        service.header().encode(&writer)
        writer.uint32(2, hash.hash)
        // etcd's word for "never".
        writer.int64(3, hash.compactRevision == 0 ? -1 : hash.compactRevision)
        writer.int64(4, hash.revision)
      }
    }
  }
}
