import HTTP
import Keyspace
import Primitives

struct MoveLeaderMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Maintenance/MoveLeader"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var target: UInt64 = 0
    while let field = try reader.next() {
      if field.number == 1 { target = try reader.uint64(field) } else { try reader.skip(field) }
    }
    let directory: any MemberDirectory = service.directory
    guard directory.leader == directory.memberID else { throw KeyspaceError(.notLeader, "another member leads") }
    guard let member: ClusterMember = directory.members().first(where: { $0.id.value == target }), !member.isLearner else {
      throw KeyspaceError(.badTransferee, "\(String(target, radix: 16)) is no voting member")
    }
    call.run({ try await directory.moveLeader(to: member.id) }) { _ in call.answer { service.header().encode(&$0) } }
  }
}
