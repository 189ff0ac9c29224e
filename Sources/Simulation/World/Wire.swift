import Keyspace
import Primitives

/// How the simulated shell writes requests into entries: eight bytes of request id, then the command.
enum Wire {
  static func key(_ number: Int) -> Bytes { Bytes("key-\(number)") }

  static func command(_ operation: ClientOperation) -> KeyspaceCommand {
    func put(_ key: Int, _ value: Bytes) -> Operation { .put(PutRequest(key: Self.key(key), value: value)) }
    switch operation {
    case .put(let key, let value): return .transaction(TransactionRequest(success: [put(key, value)]))
    case .putTwo(let key, let other, let value): return .transaction(TransactionRequest(success: [put(key, value), put(other, value)]))
    case .delete(let key): return .delete(DeleteRequest(KeyRange(key: Self.key(key))))
    case .compareAndPut(let key, let revision, let value):
      return .transaction(
        TransactionRequest(
          compares: [Compare(Self.key(key), .equal, .mod(revision))], success: [put(key, value)],
          failure: [.range(RangeRequest(key: Self.key(key)))]))
    case .get(let key): return .transaction(TransactionRequest(success: [.range(RangeRequest(key: Self.key(key)))]))
    case .compact(let revision): return .compact(revision: revision)
    }
  }

  static func encode(_ request: ClientRequest) -> Bytes {
    var bytes: Bytes = []
    for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: request.id >> shift)) }
    return bytes + command(request.operation).encode()
  }

  static func requestID(_ payload: Bytes) -> UInt64? {
    guard payload.count > 8 else { return nil }
    var id: UInt64 = 0
    for place in 0..<8 { id |= UInt64(payload[place]) << UInt64(8 * place) }
    return id
  }

  static func decode(_ payload: Bytes) -> (UInt64, KeyspaceCommand)? {
    guard let id = requestID(payload), let command = try? KeyspaceCommand.decode(Bytes(payload[8...])) else { return nil }
    return (id, command)
  }

  static func result(_ result: Result<CommandResult, KeyspaceError>, revision: Int64) -> OperationResult {
    guard case .success(.transaction(let response)) = result else { return OperationResult(revision: revision) }
    var seen = OperationResult(revision: response.revision, succeeded: response.succeeded)
    if case .range(let range)? = response.responses.first {
      seen.value = range.keyValues.first?.value
      seen.modRevision = range.keyValues.first?.modRevision ?? 0
    }
    return seen
  }
}
