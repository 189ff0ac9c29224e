import HTTP
import Keyspace
import Primitives

/// The store frees space while it runs, so this only gives back what is free: log before a fresh snapshot to the disk, memory to the
/// kernel. Answers when that is done; reads and writes go on meanwhile.
struct DefragmentMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Defragment"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let directory: any MemberDirectory = service.directory
    // Without a header, as etcd answers it.
    let metrics: EtcdMetrics = service.metrics
    call.run({ try await metrics.defragmenting { try await directory.defragment() } }) { _ in call.answer { _ in } }
  }
}
