import Primitives

extension KeyspaceCommand {
  /// Refuses what no keyspace would run, before it costs a log entry: empty keys, contradictory options, the same key written
  /// twice in one transaction, too many operations, more bytes than a request may have.
  public func check(_ limits: RequestLimits = RequestLimits()) throws(KeyspaceError) {
    switch self {
    case .guarded(_, .guarded): throw KeyspaceError(.malformed, "a guarded command stands in another")
    case .guarded(_, let command): return try command.check(limits)
    case .set(let name, _, _) where name.isEmpty || name.utf8.count > KeyspaceLimits.settingNameBytes:
      throw KeyspaceError(.requestTooLarge, "the name of a setting has 1 to \(KeyspaceLimits.settingNameBytes) bytes")
    default: break
    }
    if case .transaction(let request) = self {
      try request.check(operations: limits.operations, of: limits.operations)
      _ = try WrittenKeys.collect(request)
    }
    if case .grantLease(_, let ttlSeconds) = self, ttlSeconds > KeyspaceLimits.leaseSeconds {
      throw KeyspaceError(.leaseTTLTooLarge, "a lease of \(ttlSeconds) s was asked for, the longest is \(KeyspaceLimits.leaseSeconds) s")
    }
    let size: Int = approximateSize
    if size > limits.bytes {
      throw KeyspaceError(.requestTooLarge, "request of \(size) bytes, at most \(limits.bytes) are taken")
    }
  }

  /// Bytes of keys and values.
  public var approximateSize: Int {
    switch self {
    case .set(let name, _, let value): return name.utf8.count + value.count + 16
    case .guarded(let condition, let command): return command.approximateSize + condition.name.utf8.count + 16
    case .transaction(let request): return request.approximateSize
    case .checkpointLeases(let checkpoints): return 32 + checkpoints.count * 12
    case .cluster: return 4096
    case .compact, .grantLease, .revokeLease: return 32
    }
  }
}

extension TransactionRequest {
  var approximateSize: Int {
    var size: Int = 0
    for compare in compares {
      size += compare.range.key.count + (compare.range.end?.count ?? 0) + 16
      if case .value(let value) = compare.target { size += value.count }
    }
    for operation in success { size += operation.approximateSize }
    for operation in failure { size += operation.approximateSize }
    return size
  }

  func check(operations limit: Int, of all: Int) throws(KeyspaceError) {
    let count: Int = max(compares.count, success.count, failure.count)
    guard count <= limit else {
      throw KeyspaceError(
        .tooManyOperations,
        "transaction with \(count) comparisons or operations on one level, \(all) are taken over all levels")
    }
    for compare in compares where compare.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a comparison needs a key") }
    for operation in success { try operation.check(operations: limit - count, of: all) }
    for operation in failure { try operation.check(operations: limit - count, of: all) }
  }
}

extension Operation {
  var approximateSize: Int {
    switch self {
    case .range(let request): request.range.key.count + (request.range.end?.count ?? 0) + 32
    case .put(let request): request.key.count + request.value.count + 16
    case .delete(let request): request.range.key.count + (request.range.end?.count ?? 0) + 8
    case .transaction(let request): request.approximateSize + 8
    }
  }

  func check(operations limit: Int, of all: Int) throws(KeyspaceError) {
    switch self {
    case .range(let request):
      if request.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a range needs a key") }
    case .delete(let request):
      if request.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a deletion needs a key") }
    case .put(let request):
      if request.key.isEmpty { throw KeyspaceError(.emptyKey, "a put needs a key") }
      if request.ignoreValue, !request.value.isEmpty {
        throw KeyspaceError(.valueProvided, "a put that keeps the value was given a value")
      }
      if request.ignoreLease, request.lease != 0 {
        throw KeyspaceError(.leaseProvided, "a put that keeps the lease was given a lease")
      }
    case .transaction(let request): try request.check(operations: limit, of: all)
    }
  }
}

/// The keys that a list of operations puts, and the ranges that it deletes: no key may be put twice, or put and deleted, on any
/// path through a transaction (etcd `checkIntervals`; the two branches of one nested transaction may put the same key).
private struct WrittenKeys {
  var puts: Set<Bytes> = []
  var deletes: [KeyRange] = []

  static func collect(_ request: TransactionRequest) throws(KeyspaceError) -> (WrittenKeys, WrittenKeys) {
    (try collect(request.success), try collect(request.failure))
  }

  private static func collect(_ operations: [Operation]) throws(KeyspaceError) -> WrittenKeys {
    var all = WrittenKeys()
    for case .delete(let request) in operations { all.deletes.append(request.range) }
    for case .transaction(let request) in operations {
      let (success, failure): (WrittenKeys, WrittenKeys) = try collect(request)
      for key in success.puts { try all.insert(key) }
      for key in failure.puts where !success.puts.contains(key) { try all.insert(key) }
      all.deletes += success.deletes + failure.deletes
    }
    for case .put(let request) in operations { try all.insert(request.key) }
    return all
  }

  private mutating func insert(_ key: Bytes) throws(KeyspaceError) {
    guard puts.insert(key).inserted, !deletes.contains(where: { $0.contains(key) }) else {
      throw KeyspaceError(.duplicateKey, "key \(key.text.debugDescription) is written more than once in one transaction")
    }
  }
}
