import HTTP
import Keyspace
import Primitives

struct StatusMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/Status"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let status: MemberStatus = service.directory.status()
    let leader: MemberID? = service.directory.leader
    let alarms: [String] = service.alarms.raised.map(\.sentence)
    call.answer { writer in
      service.header().encode(&writer)
      writer.string(2, EtcdService.version)
      writer.int64(3, status.databaseBytes)
      writer.uint64(4, leader?.value ?? 0)
      writer.uint64(5, status.raftIndex)
      writer.uint64(6, service.directory.raftTerm)
      writer.uint64(7, status.appliedIndex)
      // etcd's own sentence, which its clients look for.
      writer.strings(8, (leader == nil ? ["etcdserver: no leader"] : []) + alarms + status.errors)
      writer.int64(9, status.databaseBytesInUse)
      writer.bool(10, status.isLearner)
      writer.string(11, EtcdService.version)
      writer.int64(12, service.options.quota ?? -1)
      // DowngradeInfo: none is under way.
      writer.message(13) { _ in }
    }
  }
}
