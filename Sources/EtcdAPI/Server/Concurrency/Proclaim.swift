import HTTP
import Keyspace
import Primitives

/// A leader's new value, without another election.
struct ProclaimMethod: ConcurrencyMethod {
  static let path: String = "/v3electionpb.Election/Proclaim"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let (leader, value): (LeaderKey, Bytes) = try LeaderKey.decode(request)
    let store = CallerStore(service, call.credentials)
    call.run({ try await Self.proclaim(store, leader, value) }) { revision in
      call.answer { service.header(revision: revision).encode(&$0) }
    }
  }

  static func proclaim(_ store: CallerStore, _ leader: LeaderKey, _ value: Bytes) async throws -> Int64 {
    let response: TransactionResponse = try await store.transact(
      TransactionRequest(
        compares: [Compare(leader.key, .equal, .create(leader.revision))],
        success: [.put(PutRequest(key: leader.key, value: value, lease: leader.lease))]))
    guard response.succeeded else { throw GRPCStatus.electionNotLeader }
    return response.revision
  }
}

/// Gives the leadership up; who does not have it any more is told the same.
struct ResignMethod: ConcurrencyMethod {
  static let path: String = "/v3electionpb.Election/Resign"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let leader: LeaderKey = try LeaderKey.decode(request).leader
    let store = CallerStore(service, call.credentials)
    call.run({ try await Session.delete(leader.key, created: leader.revision, store) }) { response in
      call.answer { service.header(revision: response.revision).encode(&$0) }
    }
  }
}
