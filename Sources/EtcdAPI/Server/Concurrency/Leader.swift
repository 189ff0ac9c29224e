import HTTP
import Keyspace
import Primitives

/// Who leads now.
struct LeaderMethod: ConcurrencyMethod {
  static let path: String = "/v3electionpb.Election/Leader"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    let prefix: Bytes = try Self.name(request) + [UInt8(ascii: "/")]
    let store = CallerStore(service, call.credentials)
    call.run({ try await store.range(Session.first(prefix)) }) { response in
      guard let leader: KeyValue = response.keyValues.first else { return call.fail(GRPCStatus.electionNoLeader) }
      call.answer(capacity: leader.approximateBytes + 64) { writer in
        service.header(revision: response.revision).encode(&writer)
        writer.message(2) { leader.encode(&$0) }
      }
    }
  }

  static func name(_ request: ProtobufReader) throws -> Bytes {
    var reader: ProtobufReader = request
    var name: Bytes = []
    while let field = try reader.next() {
      if field.number == 1 { name = try reader.bytes(field) } else { try reader.skip(field) }
    }
    return name
  }
}

/// Every leader and its proclamations, in order; the newest for sure, those between as far as they are still there.
struct ObserveMethod: ServerStreamMethod {
  static let path: String = "/v3electionpb.Election/Observe"
  private let service: EtcdService
  init(_ service: EtcdService) { self.service = service }

  func prepare(_ request: ProtobufReader, _ credentials: Credentials) throws -> @Sendable (StreamSink) async throws -> Void {
    let prefix: Bytes = try LeaderMethod.name(request) + [UInt8(ascii: "/")]
    let (service, store): (EtcdService, CallerStore) = (service, CallerStore(service, credentials))
    return { sink in
      func tell(_ leader: KeyValue, _ revision: Int64) async throws {
        let header: ResponseHeader = service.header(revision: revision)
        try await sink.send(capacity: leader.approximateBytes + 64) { writer in
          header.encode(&writer)
          writer.message(2) { leader.encode(&$0) }
        }
      }
      while true {
        let response: RangeResponse = try await store.range(Session.first(prefix))
        guard let leader: KeyValue = response.keyValues.first else {
          // Nobody stands for election yet: the first who does leads.
          try await Self.wait(store, WatchRequest(.prefix(prefix), startRevision: response.revision + 1, noDelete: true)) { _ in true }
          continue
        }
        try await tell(leader, response.revision)
        try await Self.wait(store, WatchRequest(KeyRange(key: leader.key), startRevision: response.revision + 1)) { batch in
          for event in batch.events {
            if event.kind == .delete { return true }
            try await tell(event.keyValue, batch.revision)
          }
          return false
        }
      }
    }
  }

  /// Watches until `isEnough` of a batch with events. Compacted history ends it too: the caller looks again.
  private static func wait(
    _ store: CallerStore, _ request: WatchRequest, until isEnough: (WatchBatch) async throws -> Bool
  ) async throws {
    do {
      let cursor: any WatchCursor = try await store.watch(request)
      defer { cursor.cancel() }
      while true {
        try Task.checkCancellation()
        let batch: WatchBatch = try await cursor.next(limit: EtcdLimits.eventsPerBatch)
        if !batch.events.isEmpty, try await isEnough(batch) { return }
      }
    } catch let error as KeyspaceError where error.code == .compacted {
      return
    }
  }
}
