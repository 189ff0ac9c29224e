import HTTP
import Keyspace
import Primitives

struct MemberRemoveMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberRemove"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let fields = try MemberFields(request, id: 1)
    let service: EtcdService = service
    call.run({ try await service.directory.removeMember(MemberID(fields.id)) }) { members in
      call.answer { $0.answer(service, listAt: 2, members) }
    }
  }
}
