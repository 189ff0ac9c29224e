import Keyspace
import Primitives

enum ClientOperation: Hashable, Sendable {
  case put(key: Int, value: Bytes)
  case putTwo(key: Int, other: Int, value: Bytes)
  case delete(key: Int)
  /// Keys from one up to, not including, another.
  case deleteRange(Int, Int)
  /// Puts if the key's modification revision is this (0: if it does not exist), reads it otherwise.
  case compareAndPut(key: Int, revision: Int64, value: Bytes)
  case get(key: Int)
  case compact(revision: Int64)
  case grant(lease: Int64, ttlSeconds: Int64)
  case revoke(lease: Int64)
  case putLeased(key: Int, lease: Int64, value: Bytes)
  case keepAlive(lease: Int64)

  /// Of a kind that may say how safe it shall be.
  var isTransaction: Bool {
    switch self {
    case .put, .putTwo, .delete, .deleteRange, .compareAndPut, .putLeased: true
    case .get, .compact, .grant, .revoke, .keepAlive: false
    }
  }
  var isRead: Bool { if case .get = self { true } else { false } }

  static func key(_ number: Int) -> Bytes { keys[number] }
  private static let keys: [Bytes] = (0..<SimulationLimits.keyCount).map { Bytes("key-\($0)") }
  static func number(_ key: Bytes) -> Int? { keys.firstIndex(of: key) }

  /// nil: nothing for the log.
  func command(_ durability: Durability?) -> KeyspaceCommand? {
    func put(_ key: Int, _ value: Bytes, lease: Int64 = 0) -> Operation {
      .put(PutRequest(key: Self.key(key), value: value, lease: lease))
    }
    var request: TransactionRequest
    switch self {
    case .put(let key, let value): request = TransactionRequest(success: [put(key, value)])
    case .putTwo(let key, let other, let value): request = TransactionRequest(success: [put(key, value), put(other, value)])
    case .delete(let key): request = TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: Self.key(key))))])
    case .deleteRange(let first, let end):
      request = TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: Self.key(first), end: Self.key(end))))])
    case .compareAndPut(let key, let revision, let value):
      request = TransactionRequest(
        compares: [Compare(Self.key(key), .equal, .mod(revision))], success: [put(key, value)],
        failure: [.range(RangeRequest(key: Self.key(key)))])
    case .putLeased(let key, let lease, let value): request = TransactionRequest(success: [put(key, value, lease: lease)])
    case .compact(let revision): return .compact(revision: revision)
    case .grant(let lease, let ttlSeconds): return .grantLease(id: lease, ttlSeconds: ttlSeconds)
    case .revoke(let lease): return .revokeLease(id: lease)
    case .get, .keepAlive: return nil
    }
    request.durability = durability
    return .transaction(request)
  }
}

struct ClientRequest {
  var id: UInt64
  var client: Int
  var operation: ClientOperation
  var durability: Durability = .centerSafe
  /// Of the cluster that it is asked of.
  var epoch: UInt64 = 0
  /// When it was made.
  var since: Int64
}

/// What a client sees of an operation.
struct OperationResult: Hashable, Sendable {
  var revision: Int64
  var succeeded: Bool = true
  var value: Bytes?
  var modRevision: Int64 = 0
  /// Seconds of a lease that was kept alive.
  var ttlSeconds: Int64 = 0

  init(revision: Int64, succeeded: Bool = true, value: Bytes? = nil, modRevision: Int64 = 0) {
    self.revision = revision
    self.succeeded = succeeded
    self.value = value
    self.modRevision = modRevision
  }

  /// What the member said of a command.
  init(_ result: Result<CommandResult, KeyspaceError>, revision: Int64) {
    switch result {
    case .success(.transaction(let response)):
      self.init(revision: response.revision, succeeded: response.succeeded)
      if case .range(let range)? = response.responses.first {
        value = range.keyValues.first?.value
        modRevision = range.keyValues.first?.modRevision ?? 0
      }
    case .success(let other): self.init(revision: other.revision)
    case .failure: self.init(revision: revision, succeeded: false)
    }
  }
}

enum ClientAnswer {
  case done(OperationResult)
  /// Certainly nothing happened.
  case refused
  /// The member says that it does not know.
  case lost
}
