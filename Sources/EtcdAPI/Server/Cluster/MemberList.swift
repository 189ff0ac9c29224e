import HTTP
import Keyspace
import Primitives

struct MemberListMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberList"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    call.answer { writer in
      service.header().encode(&writer)
      for member in service.directory.members() {
        writer.message(2) { entry in
          entry.uint64(1, member.id.value)
          entry.string(2, member.name)
          entry.strings(3, member.peerURLs)
          entry.strings(4, member.clientURLs)
          entry.bool(5, member.isLearner)
        }
      }
    }
  }
}
