import HTTP
import Keyspace
import Primitives
import TLS

/// The whole store as `SnapshotFile`, in pieces, its checksum last, as etcd sends it.
struct SnapshotMethod: ServerStreamMethod {
  static let path: String = "/etcdserverpb.Maintenance/Snapshot"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func prepare(_ request: ProtobufReader, _ credentials: Credentials) throws -> @Sendable (StreamSink) async throws -> Void {
    let service: EtcdService = service
    guard let store: any CommandStore = service.commandStore else { throw EtcdError.unsupported("Snapshot") }
    return { sink in
      // Behind everything that was acknowledged before the call.
      _ = try await store.range(RangeRequest(key: [0]))
      let keyspace: Keyspace = try await store.copyOfKeyspace()
      var file = try SnapshotFileWriter(keyspace, clusterID: service.directory.clusterID, memberID: service.directory.memberID)
      let header: ResponseHeader = service.header(revision: keyspace.revision)
      while let piece: Bytes = try file.next() {
        let remaining: Int = file.remaining
        try await sink.send(capacity: piece.count + 128) { writer in
          header.encode(&writer)
          writer.uint64(2, UInt64(remaining))
          writer.bytes(3, piece)
          writer.string(4, EtcdService.version)
        }
      }
    }
  }
}
