import HTTP
import Keyspace
import Primitives

struct MemberListMethod: UnaryMethod {
  static let path: String = "/etcdserverpb.Cluster/MemberList"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var isLinearizable: Bool = false
    while let field = try reader.next() {
      if field.number == 1 { isLinearizable = try reader.bool(field) } else { try reader.skip(field) }
    }
    let service: EtcdService = service
    guard isLinearizable else { return call.answer { $0.answer(service, listAt: 2, service.directory.members()) } }
    call.run({ try await service.directory.synchronize() }) { _ in
      call.answer { $0.answer(service, listAt: 2, service.directory.members()) }
    }
  }
}

extension ProtobufWriter {
  /// The header, then the members: all answers of the Cluster service end like this.
  mutating func answer(_ service: EtcdService, listAt number: Int, _ members: [ClusterMember]) {
    // etcd's Cluster service says no revision.
    service.header(revision: 0).encode(&self)
    for member in members { self.message(number) { member.encode(&$0) } }
  }
}

extension ClusterMember {
  /// `etcdserverpb.Member`.
  func encode(_ writer: inout ProtobufWriter) {
    writer.uint64(1, id.value)
    writer.string(2, name)
    writer.strings(3, peerURLs)
    writer.strings(4, clientURLs)
    writer.bool(5, isLearner)
  }
}

/// The fields of requests that change a member: id, addresses, whether it shall only learn. Each message has its own numbers.
struct MemberFields {
  var id: UInt64 = 0
  var peerURLs: [String] = []
  var isLearner: Bool = false

  init(_ request: ProtobufReader, id idNumber: Int? = nil, peerURLs urlsNumber: Int? = nil, isLearner learnerNumber: Int? = nil) throws {
    var reader: ProtobufReader = request
    while let field = try reader.next() {
      switch field.number {
      case idNumber: id = try reader.uint64(field)
      case urlsNumber: peerURLs.append(try reader.string(field))
      case learnerNumber: isLearner = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
  }
}
