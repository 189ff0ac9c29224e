import Primitives
import Synchronization

/// A keyspace in this process alone, behind a mutex: the same semantics as a replicated member, without log or peers. For
/// tests, tools, and anything that wants a store for as long as it runs.
///
/// Leases run out on `clock`; they are looked after at every call, and by `run()` where nobody calls.
public final class LocalKeyspace: CommandStore, WatchHost {
  private struct State: Sendable {
    var keyspace = Keyspace()
    var watches = Watches()
    var timer = LeaseTimer()
    var lastLease: Int64 = 0
  }
  private let state: Mutex<State>
  private let clock: any TimeSource

  /// Begins with what is given; its leases have all of their time again.
  public init(_ keyspace: Keyspace = Keyspace(), clock: any TimeSource = SystemClock()) {
    var state = State(keyspace: keyspace)
    state.timer.restart(keyspace, now: clock.now(), grace: .zero)
    self.state = Mutex(state)
    self.clock = clock
  }

  /// Lets leases run out while nobody calls. Returns when its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      expireLeases()
      try? await Task.sleep(for: .milliseconds(250))
    }
  }

  public func expireLeases() { state.withLock { expire(&$0) } }

  /// A copy of the keyspace as it is now.
  public func snapshot() -> Keyspace { state.withLock { $0.keyspace } }

  /// Watches open, and those of them that wait for something to be written.
  public var watchFigures: (open: Int, waiting: Int) { state.withLock { ($0.watches.count, $0.watches.waitingCount) } }

  private func expire(_ state: inout State) {
    for id in state.timer.expired(now: clock.now()) { _ = try? apply(.revokeLease(id: id), &state) }
  }

  private func apply(_ command: KeyspaceCommand, _ state: inout State) throws(KeyspaceError) -> CommandResult {
    guard let result: Result<CommandResult, KeyspaceError> = state.keyspace.apply(command, at: state.keyspace.appliedIndex + 1) else {
      preconditionFailure("index \(state.keyspace.appliedIndex + 1) counts as applied already")
    }
    if case .revokeLease(let id) = command.unguarded { state.timer.stop(id) }
    if case .success(.leaseGranted(let grant, _)) = result { state.timer.start(grant.id, ttlSeconds: grant.ttlSeconds, now: clock.now()) }
    state.watches.onApplied(state.keyspace)
    return try result.get()
  }

  public func execute(_ command: KeyspaceCommand) async throws -> CommandResult { try run(command) }
  public func setting(_ name: String) -> Setting { state.withLock { $0.keyspace.setting(name) } }
  public var settingsVersion: UInt64 { state.withLock { $0.keyspace.settingsVersion } }
  public func copyOfKeyspace() async throws -> Keyspace { snapshot() }

  private func run(_ command: KeyspaceCommand) throws(KeyspaceError) -> CommandResult {
    try command.check()
    return try state.withLock { state throws(KeyspaceError) in
      expire(&state)
      return try apply(command, &state)
    }
  }

  public func withWatches(_ body: @escaping @Sendable (inout Watches, Keyspace) -> Void) {
    state.withLock { body(&$0.watches, $0.keyspace) }
  }

  public func range(_ request: RangeRequest) async throws -> RangeResponse {
    try state.withLock { state throws(KeyspaceError) in
      expire(&state)
      return try state.keyspace.range(request)
    }
  }

  public func transact(_ request: TransactionRequest) async throws -> TransactionResponse {
    guard case .transaction(let response) = try run(.transaction(request)) else { preconditionFailure("a transaction answers as one") }
    return response
  }

  public func watch(_ request: WatchRequest) async throws -> any WatchCursor {
    let id: Int = try state.withLock { state throws(KeyspaceError) in try state.watches.open(request, state.keyspace) }
    return HistoryCursor(host: self, id: id)
  }

  public func compact(revision: Int64) async throws { _ = try run(.compact(revision: revision)) }

  public func grantLease(ttlSeconds: Int64, id: Int64) async throws -> LeaseGrant {
    try KeyspaceCommand.grantLease(id: id, ttlSeconds: ttlSeconds).check()
    return try state.withLock { state throws(KeyspaceError) in
      expire(&state)
      var chosen: Int64 = id
      while chosen == 0 || (id == 0 && state.keyspace.leaseTTL(chosen) != nil) {
        state.lastLease += 1
        chosen = state.lastLease
      }
      let result: CommandResult = try apply(.grantLease(id: chosen, ttlSeconds: ttlSeconds), &state)
      guard case .leaseGranted(let grant, _) = result else { preconditionFailure("a grant answers as one") }
      return grant
    }
  }

  public func revokeLease(id: Int64) async throws { _ = try run(.revokeLease(id: id)) }

  public func keepLeaseAlive(id: Int64) async throws -> Int64 {
    state.withLock { state in
      expire(&state)
      guard let ttlSeconds: Int64 = state.keyspace.leaseTTL(id) else { return 0 }
      state.timer.start(id, ttlSeconds: ttlSeconds, now: clock.now())
      return ttlSeconds
    }
  }

  public func leaseTimeToLive(id: Int64, withKeys: Bool) async throws -> LeaseStatus {
    state.withLock { state in
      expire(&state)
      return LeaseStatus.of(id, in: state.keyspace, timer: state.timer, now: clock.now(), withKeys: withKeys)
    }
  }

  public func leases() async throws -> [Int64] {
    state.withLock { state in
      expire(&state)
      return state.keyspace.leases
    }
  }
}

extension LeaseStatus {
  /// Remaining seconds rounded to the nearest, as a person counts them, never below 0 for a lease that exists.
  public static func of(_ id: Int64, in keyspace: Keyspace, timer: LeaseTimer, now: MonotonicTime, withKeys: Bool) -> LeaseStatus {
    guard let granted: Int64 = keyspace.leaseTTL(id) else { return LeaseStatus(id: id, ttlSeconds: -1, grantedSeconds: 0) }
    let remaining: Int64 = timer.remaining(id, now: now).map { max(0, ($0.inNanoseconds + 500_000_000) / 1_000_000_000) } ?? granted
    return LeaseStatus(id: id, ttlSeconds: remaining, grantedSeconds: granted, keys: withKeys ? keyspace.leaseKeys(id) : [])
  }
}
