import Keyspace
import Primitives

func put(_ key: String, _ value: String, lease: Int64 = 0, previous: Bool = false) -> Operation {
  .put(PutRequest(key: Bytes(key), value: Bytes(value), lease: lease, previous: previous))
}
func delete(_ key: String, _ end: String? = nil, previous: Bool = false) -> Operation {
  .delete(DeleteRequest(KeyRange(key: Bytes(key), end: end.map { Bytes($0) }), previous: previous))
}
func read(_ key: String, _ end: String? = nil, revision: Int64 = 0) -> Operation {
  .range(RangeRequest(KeyRange(key: Bytes(key), end: end.map { Bytes($0) }), revision: revision))
}
let everything = KeyRange(key: [0], end: [0])

extension Keyspace {
  @discardableResult
  mutating func run(_ command: KeyspaceCommand) throws -> CommandResult {
    guard let result = apply(command, at: appliedIndex + 1) else { fatalError("index applied twice") }
    return try result.get()
  }
  @discardableResult
  mutating func run(
    _ success: [Operation], if compares: [Compare] = [], else failure: [Operation] = []
  ) throws -> TransactionResponse {
    guard
      case .transaction(let response) = try run(.transaction(TransactionRequest(compares: compares, success: success, failure: failure)))
    else { fatalError("a transaction answers as one") }
    return response
  }
  func value(_ key: String, at revision: Int64 = 0) throws -> String? {
    try range(RangeRequest(key: Bytes(key), revision: revision)).keyValues.first?.value.text
  }
}

func code(_ body: () throws -> Void) -> KeyspaceError.Code? {
  do {
    try body()
    return nil
  } catch {
    return (error as? KeyspaceError)?.code
  }
}
func code(_ body: () async throws -> Void) async -> KeyspaceError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? KeyspaceError)?.code
  }
}
