import HTTP
import Keyspace
import Primitives

struct MemberPromoteMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberPromote"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let fields = try MemberFields(request, id: 1)
    let service: EtcdService = service
    call.run({ try await service.directory.promoteMember(MemberID(fields.id)) }) { members in
      service.metrics.promotions.increment()
      call.answer { $0.answer(service, listAt: 2, members) }
    }
  }
}
