import HTTP
import Keyspace
import Primitives

struct MemberAddMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberAdd"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let fields = try MemberFields(request, peerURLs: 1, isLearner: 2)
    let service: EtcdService = service
    call.run({ try await service.directory.addMember(peerURLs: fields.peerURLs, isLearner: fields.isLearner) }) { result in
      call.answer { writer in
        service.header(revision: 0).encode(&writer)
        writer.message(2) { result.added.encode(&$0) }
        for member in result.all { writer.message(3) { member.encode(&$0) } }
      }
    }
  }
}
