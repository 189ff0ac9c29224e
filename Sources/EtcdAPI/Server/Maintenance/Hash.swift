import HTTP
import Keyspace
import Primitives

/// Over everything that this member keeps, leases and settings included. Members of ours that applied the same say the same number.
struct HashMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Hash"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    guard let store: any CommandStore = service.commandStore else { throw EtcdError.unsupported("Hash") }
    let metrics: EtcdMetrics = service.metrics
    call.run({
      try await metrics.timing(metrics.hash) {
        let keyspace: Keyspace = try await store.copyOfKeyspace()
        var encoder = SnapshotEncoder(keyspace)
        var checksum: UInt32 = 0
        while let frame: Bytes = try encoder.next() { checksum = CRC32C.checksum(frame, seed: checksum) }
        return (checksum, keyspace.revision)
      }
    }) { (hash: (UInt32, Int64)) in
      call.answer { writer in
        service.header(revision: hash.1).encode(&writer)
        writer.uint32(2, hash.0)
      }
    }
  }
}
