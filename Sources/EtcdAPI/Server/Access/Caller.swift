import HTTP
import Keyspace
import Primitives

/// What a caller shows of itself.
struct Credentials: Sendable {
  var token: String?
  /// Of the verified client certificate.
  var commonName: String?

  init(token: String? = nil, commonName: String? = nil) {
    self.token = token
    self.commonName = commonName
  }

  /// etcd's metadata: `token`, from the gateway `authorization`, with or without the word Bearer.
  init(_ call: GRPCCall) {
    if let text: String = call.metadata("token") ?? call.metadata("authorization") {
      token = text.hasPrefix("Bearer ") ? String(text.dropFirst(7)) : text
    }
    commonName = call.peer?.commonName
  }
}

/// Who calls, with the permissions of the moment he was identified.
struct Caller: Sendable {
  static let unrestricted = Caller(tables: nil, version: 0, name: nil)

  /// nil: authentication is off and everything is allowed.
  let tables: AuthTables?
  /// Of the setting `auth`.
  let version: UInt64
  /// nil: nobody.
  let name: String?

  var isUnrestricted: Bool { tables == nil }
  var isAdmin: Bool { tables.map { $0.rights(of: name ?? "")?.isRoot ?? false } ?? true }

  func requireUser() throws(GRPCStatus) {
    if tables != nil, name == nil { throw .userEmpty }
  }

  func requireAdmin() throws(GRPCStatus) {
    guard let tables else { return }
    guard let name, !name.isEmpty else { throw .userEmpty }
    guard let rights: AuthTables.Rights = tables.rights(of: name) else { throw .userNotFound }
    if !rights.isRoot { throw .denied }
  }

  func mayRead(_ range: KeyRange) throws(GRPCStatus) { try check(range, \.readable) }
  func mayWrite(_ range: KeyRange) throws(GRPCStatus) { try check(range, \.writable) }

  private func check(_ range: KeyRange, _ permitted: KeyPath<AuthTables.Rights, PermittedRanges>) throws(GRPCStatus) {
    guard let tables else { return }
    guard let name else { throw .userEmpty }
    guard let rights: AuthTables.Rights = tables.rights(of: name) else { throw .denied }
    guard rights.isRoot || rights[keyPath: permitted].covers(range) else { throw .denied }
  }

  /// A whole transaction, nested ones included, both branches of each, as etcd does before it compares anything.
  /// `leaseKeys`: what already hangs on a lease; who attaches another key to it must be allowed to write all of these.
  func mayRun(_ request: TransactionRequest, leaseKeys: (Int64) -> [Bytes]) throws(GRPCStatus) {
    for compare in request.compares { try mayRead(compare.range) }
    for operation in request.success { try mayRun(operation, leaseKeys) }
    for operation in request.failure { try mayRun(operation, leaseKeys) }
  }

  private func mayRun(_ operation: Operation, _ leaseKeys: (Int64) -> [Bytes]) throws(GRPCStatus) {
    switch operation {
    case .range(let request): try mayRead(request.range)
    case .put(let request):
      try mayWrite(KeyRange(key: request.key))
      if request.lease != 0, !isAdmin { for key in leaseKeys(request.lease) { try mayWrite(KeyRange(key: key)) } }
      if request.previous { try mayRead(KeyRange(key: request.key)) }
    case .delete(let request):
      if request.previous { try mayRead(request.range) }
      try mayWrite(request.range)
    case .transaction(let request): try mayRun(request, leaseKeys: leaseKeys)
    }
  }
}

extension TransactionRequest {
  /// Leases that its puts, nested ones included, attach keys to.
  var leases: Set<Int64> {
    var leases: Set<Int64> = []
    for operation in success + failure {
      switch operation {
      case .put(let request): if request.lease != 0 { leases.insert(request.lease) }
      case .transaction(let request): leases.formUnion(request.leases)
      case .range, .delete: break
      }
    }
    return leases
  }
}
