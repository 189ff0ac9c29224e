import Keyspace
import NIOCore
import Observability
import Primitives

/// From any task.
extension Store: KeyValueStore, WatchHost {
  /// Hops to the loop, and back with the answer.
  private func onLoop<Value: Sendable>(
    _ body: @escaping @Sendable (@escaping (Result<Value, KeyspaceError>) -> Void) -> Void
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
      runOnLoop { body { continuation.resume(with: $0) } }
    }
  }

  private func runOnLoop(_ body: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
  }

  public func range(_ request: RangeRequest) async throws -> RangeResponse {
    try await onLoop { self.range(request, completion: $0) }
  }

  public func transact(_ request: TransactionRequest) async throws -> TransactionResponse {
    try await onLoop { self.transact(request, completion: $0) }
  }

  /// Events of this member, from any kept revision. It goes on over changes of leader and over snapshots from one, as long as what it needs
  /// is not compacted. With `startRevision` 0 it starts behind everything acknowledged before the call.
  public func watch(_ request: WatchRequest) async throws -> any WatchCursor {
    let id: Int = try await onLoop { completion in
      guard let member: MemberCore = self.core.value, member.failure == nil, member.repair == nil else {
        let refusal: KeyspaceError? = self.core.value?.refusal
        return completion(.failure(refusal ?? KeyspaceError(.unavailable, "this member is not running")))
      }
      func open() {
        completion(Result { () throws(KeyspaceError) in try member.watches.open(request, member.keyspace) })
      }
      if request.startRevision > 0 { return open() }
      member.linearize { error in
        if let error { completion(.failure(error)) } else { open() }
      }
    }
    return HistoryCursor(host: self, id: id)
  }

  public func compact(revision: Int64) async throws {
    let _: CommandResult = try await onLoop { self.submit(.compact(revision: revision), completion: $0) }
  }

  public func grantLease(ttlSeconds: Int64, id: Int64) async throws -> LeaseGrant {
    try await onLoop { self.grantLease(ttlSeconds: ttlSeconds, id: id, completion: $0) }
  }

  public func revokeLease(id: Int64) async throws {
    let _: CommandResult = try await onLoop { self.submit(.revokeLease(id: id), completion: $0) }
  }

  public func keepLeaseAlive(id: Int64) async throws -> Int64 {
    try await onLoop { self.keepLeaseAlive(id: id, completion: $0) }
  }

  public func leaseTimeToLive(id: Int64, withKeys: Bool) async throws -> LeaseStatus {
    try await onLoop { self.leaseTimeToLive(id: id, withKeys: withKeys, completion: $0) }
  }

  public func leases() async throws -> [Int64] {
    try await onLoop { completion in
      self.linearize { error in
        if let error { completion(.failure(error)) } else { completion(.success(self.keyspace.leases)) }
      }
    }
  }

  /// Asks for the leadership to be moved, and waits until it has.
  public func moveLeader(to target: MemberID) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      runOnLoop { self.moveLeader(to: target) { continuation.resume(with: $0) } }
    }
  }

  public func withWatches(_ body: @escaping @Sendable (inout Watches, Keyspace) -> Void) {
    runOnLoop {
      guard let member: MemberCore = self.core.value else { return }
      body(&member.watches, member.keyspace)
    }
  }

  // MARK: What a member knows of itself

  /// At most four ticks old.
  public var status: StoreStatus { board.status }
  public var leadership: LeadershipChange { board.change }
  public var clusterID: UInt64 { configuration.clusterID }
  /// What etcd's clients are told: the id as founded, and another in every epoch after it.
  public var presentedClusterID: UInt64 { board.presentedCluster.load(ordering: .relaxed) }
  public var memberID: MemberID { configuration.memberID }
  public var leader: MemberID? { board.change.leader }
  public var raftTerm: UInt64 { board.term.load(ordering: .relaxed) }
  /// The newest revision that this member has applied; never behind an answer that it gave.
  public var revision: Int64 { board.revision.load(ordering: .relaxed) }

  /// Checksum over all keys and kept versions up to a revision (0: the newest), of this member alone.
  public func hash(revision: Int64) async throws -> (hash: UInt32, revision: Int64, compactedRevision: Int64) {
    try await onLoop { completion in
      let keyspace: Keyspace = self.keyspace
      completion(
        Result { () throws(KeyspaceError) in
          (try keyspace.hash(revision: revision), revision > 0 ? revision : keyspace.revision, keyspace.compactedRevision)
        })
    }
  }

  /// Calls `observer` now and with every change of leader or term, on the event loop, in order; keep it short. Returns what `unobserve`
  /// takes, nil if there are 64 observers already.
  @discardableResult
  public func observeLeadership(_ observer: @escaping @Sendable (LeadershipChange) -> Void) -> Int? { board.observe(observer) }
  /// Who leads rather from now on, on this member: after a switchover the active center moved. Members not named have 0; tell every member
  /// the same. The configured priorities come back with a restart.
  public func setPriorities(_ priorities: [MemberID: Int]) {
    runOnLoop {
      guard let member: MemberCore = self.core.value else { return }
      member.priorityOverrides = priorities
      member.node.setPriorities(priorities)
      member.scheduleDrain()
    }
  }

  public func unobserveLeadership(_ id: Int) { board.unobserve(id) }

  /// The newest change of leader whenever one is asked for; ends with the stream's consumer.
  public func leadershipChanges() -> AsyncStream<LeadershipChange> {
    let (stream, continuation) = AsyncStream.makeStream(of: LeadershipChange.self, bufferingPolicy: .bufferingNewest(1))
    guard let id: Int = board.observe({ continuation.yield($0) }) else {
      continuation.finish()
      return stream
    }
    let board: StatusBoard = board
    continuation.onTermination = { _ in board.unobserve(id) }
    return stream
  }

  /// `store` (live: a member that stopped wants a restart), `leader` and `disk`.
  public func register(in health: HealthRegistry) {
    health.register("store", live: true) { self.health(liveOnly: true) }
    health.register("leader") { self.health() }
    health.register("disk") { self.status.disk.problem(self.configuration.directory) }
  }

  /// nil when well, otherwise a sentence: for `/readyz`. `live`: only what asks for a restart.
  public func health(liveOnly: Bool = false) -> String? {
    let status: StoreStatus = status
    if let failure: String = status.failure { return failure }
    if !liveOnly, status.isRepairing { return MemberCore.repairRefusal.message }
    if !liveOnly, status.leader == nil { return "no leader is known: a majority of the members does not reach each other" }
    return nil
  }
}
