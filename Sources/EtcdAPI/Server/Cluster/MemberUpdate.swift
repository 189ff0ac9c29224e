import HTTP
import Keyspace
import Primitives

struct MemberUpdateMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberUpdate"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let fields = try MemberFields(request, id: 1, peerURLs: 2)
    let service: EtcdService = service
    call.run({ try await service.directory.updateMember(MemberID(fields.id), peerURLs: fields.peerURLs) }) { members in
      call.answer { $0.answer(service, listAt: 2, members) }
    }
  }
}
