import HTTP
import Keyspace
import Primitives

/// Waits until the caller's key is the oldest under `NAME/`. A caller that goes away leaves the queue.
struct LockMethod: ConcurrencyMethod {
  static let path: String = "/v3lockpb.Lock/Lock"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var (name, lease): (Bytes, Int64) = ([], 0)
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.bytes(field)
      case 2: lease = try reader.int64(field)
      default: try reader.skip(field)
      }
    }
    let (store, lockName, lockLease): (CallerStore, Bytes, Int64) = (CallerStore(service, call.credentials), name, lease)
    call.run({ try await Self.lock(store, lockName, lockLease) }) { held in
      call.answer { writer in
        service.header(revision: held.revision).encode(&writer)
        writer.bytes(2, held.key)
      }
    }
  }

  private static func lock(_ store: CallerStore, _ name: Bytes, _ lease: Int64) async throws -> (key: Bytes, revision: Int64) {
    let session = try await Session(store, name: name, lease: lease)
    let (response, created): (TransactionResponse, Int64) = try await session.enter(value: [])
    if case .range(let owner)? = response.responses.last, owner.keyValues.first?.createRevision ?? created == created {
      return (session.key, response.revision)
    }
    do {
      try await session.waitForTurn(before: created)
      // The lease may have run out while others held the lock.
      let own: RangeResponse = try await store.range(RangeRequest(key: session.key))
      guard own.count > 0 else { throw GRPCStatus.sessionExpired }
      return (session.key, own.revision)
    } catch {
      session.leave(created: created)
      throw error
    }
  }
}

struct UnlockMethod: ConcurrencyMethod {
  static let path: String = "/v3lockpb.Lock/Unlock"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    var reader: ProtobufReader = request
    var key: Bytes = []
    while let field = try reader.next() {
      if field.number == 1 { key = try reader.bytes(field) } else { try reader.skip(field) }
    }
    guard !key.isEmpty else { throw KeyspaceError(.emptyKey, "an unlocking needs the key that the lock answered") }
    let (store, held): (CallerStore, Bytes) = (CallerStore(service, call.credentials), key)
    call.run({ try await store.delete(held) }) { response in
      call.answer { service.header(revision: response.revision).encode(&$0) }
    }
  }
}
