import HTTP
import Keyspace
import Primitives

/// Waits until the caller's key is the oldest under `NAME/`: then it leads.
struct CampaignMethod: ConcurrencyMethod {
  static let path: String = "/v3electionpb.Election/Campaign"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var leader = LeaderKey()
    var value: Bytes = []
    while let field = try reader.next() {
      switch field.number {
      case 1: leader.name = try reader.bytes(field)
      case 2: leader.lease = try reader.int64(field)
      case 3: value = try reader.bytes(field)
      default: try reader.skip(field)
      }
    }
    let (store, wanted, proposal): (CallerStore, LeaderKey, Bytes) = (CallerStore(service, call.credentials), leader, value)
    call.run({ try await Self.campaign(store, wanted, proposal) }) { won in
      call.answer { writer in
        service.header(revision: won.revision).encode(&writer)
        writer.message(2) { won.leader.encode(&$0) }
      }
    }
  }

  private static func campaign(
    _ store: CallerStore, _ wanted: LeaderKey, _ value: Bytes
  ) async throws -> (leader: LeaderKey, revision: Int64) {
    let session = try await Session(store, name: wanted.name, lease: wanted.lease)
    let (response, created): (TransactionResponse, Int64) = try await session.enter(value: value)
    var leader: LeaderKey = wanted
    (leader.key, leader.revision, leader.lease) = (session.key, created, session.lease)
    do {
      if !response.succeeded, case .range(let own)? = response.responses.first, own.keyValues.first?.value != value {
        // It stood in the queue already, with another value.
        _ = try await ProclaimMethod.proclaim(store, leader, value)
      }
      try await session.waitForTurn(before: created)
      return (leader, response.revision)
    } catch {
      session.leave(created: created)
      throw error
    }
  }
}
