import HTTP
import Keyspace
import Primitives

/// The store as one caller may use it. Every write carries the version of the permissions that allowed it, and is checked again if they
/// have changed before it was applied; a read is answered only if they have not changed since.
struct CallerStore: Sendable {
  /// How often a request is tried again because permissions changed meanwhile.
  private static let attempts: Int = 4

  let service: EtcdService
  let credentials: Credentials

  init(_ service: EtcdService, _ credentials: Credentials) {
    self.service = service
    self.credentials = credentials
  }

  private func attempt<Answer>(_ body: (Caller) async throws -> Answer?) async throws -> Answer {
    for _ in 0..<Self.attempts {
      if let answer: Answer = try await body(try service.identify(credentials)) { return answer }
    }
    throw GRPCStatus.oldAuthRevision
  }

  private func isCurrent(_ caller: Caller) -> Bool {
    caller.isUnrestricted || service.settings.current().authVersion == caller.version
  }

  func range(_ request: RangeRequest) async throws -> RangeResponse {
    try await attempt { caller in
      try caller.mayRead(request.range)
      let response: RangeResponse = try await service.store.range(request)
      return isCurrent(caller) ? response : nil
    }
  }

  func transact(_ request: TransactionRequest) async throws -> TransactionResponse {
    try service.checkSpace(for: request)
    return try await attempt { caller in
      guard !caller.isUnrestricted, let store: any CommandStore = service.commandStore else {
        return try await service.store.transact(request)
      }
      let leases: Set<Int64> = request.leases
      if leases.isEmpty {
        try caller.mayRun(request) { _ in [] }
      } else {
        let keyspace: Keyspace = try await store.copyOfKeyspace()
        try caller.mayRun(request) { keyspace.leaseKeys($0) }
      }
      if request.isReadOnly {
        let response: TransactionResponse = try await store.transact(request)
        return isCurrent(caller) ? response : nil
      }
      return try await write(.transaction(request), caller, store).flatMap { result in
        guard case .transaction(let response) = result else { return nil }
        return response
      }
    }
  }

  /// nil: the permissions changed before it was applied.
  private func write(_ command: KeyspaceCommand, _ caller: Caller, _ store: any CommandStore) async throws -> CommandResult? {
    do {
      return try await store.execute(.guarded(SettingGuard(name: AuthState.settingName, version: caller.version), command))
    } catch let error as KeyspaceError where error.code == .settingChanged {
      return nil
    }
  }

  func watch(_ request: WatchRequest) async throws -> any WatchCursor {
    try service.identify(credentials).mayRead(request.range)
    return try await service.store.watch(request)
  }

  func grantLease(ttlSeconds: Int64, id: Int64 = 0) async throws -> LeaseGrant {
    try service.identify(credentials).requireUser()
    return try await service.store.grantLease(ttlSeconds: ttlSeconds, id: id)
  }

  func delete(_ key: Bytes) async throws -> TransactionResponse {
    try await transact(TransactionRequest(success: [.delete(DeleteRequest(KeyRange(key: key)))]))
  }
}
