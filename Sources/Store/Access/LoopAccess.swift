import Consensus
import Keyspace
import NIOCore
import Primitives

/// For those who share the member's event loop. Every call here must be made on it; completions come on it.
extension Store {
  private var member: MemberCore? {
    eventLoop.assertInEventLoop()
    return core.value
  }
  private var notStarted: KeyspaceError { KeyspaceError(.unavailable, "this member is not started") }

  /// Proposes a command and answers what applying it gave. `.timeout` leaves a write undecided; every other error means that it did not
  /// happen.
  public func submit(_ command: KeyspaceCommand, completion: @escaping (Result<CommandResult, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    member.submit(command, completion)
  }

  /// Answers nil once `keyspace` reflects every write that was acknowledged before the call. All calls of one turn share one question to
  /// the peers.
  public func linearize(_ completion: @escaping (KeyspaceError?) -> Void) {
    guard let member else { return completion(notStarted) }
    member.linearize(completion)
  }

  /// This member's keyspace as it is now (serializable). Do not hold on to it: while a copy is held, writing copies what it touches.
  public var keyspace: Keyspace { member?.keyspace ?? Keyspace() }

  /// A range, linearizable unless it says otherwise.
  public func range(_ request: RangeRequest, completion: @escaping (Result<RangeResponse, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    func answer() {
      member.metrics.operations.ranged()
      completion(Result { () throws(KeyspaceError) in try member.keyspace.range(request) })
    }
    if request.serializable {
      if let refusal = member.refusal { return completion(.failure(refusal)) }
      return answer()
    }
    member.linearize { error in
      if let error { completion(.failure(error)) } else { answer() }
    }
  }

  /// A transaction; one that only reads needs no log entry.
  public func transact(_ request: TransactionRequest, completion: @escaping (Result<TransactionResponse, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    if request.isReadOnly {
      do throws(KeyspaceError) { try KeyspaceCommand.transaction(request).check(configuration.requestLimits) } catch {
        return completion(.failure(error))
      }
      return member.linearize { error in
        if let error { return completion(.failure(error)) }
        let result: Result<TransactionResponse, KeyspaceError> = Result { () throws(KeyspaceError) in
          try member.keyspace.evaluate(request)
        }
        if case .success(let response) = result {
          var counts = OperationCounts()
          counts.add(request, response)
          member.metrics.operations.add(counts)
        }
        completion(result)
      }
    }
    member.submit(.transaction(request)) { result in
      completion(
        result.map { result in
          guard case .transaction(let response) = result else { preconditionFailure("a transaction answers as one") }
          return response
        })
    }
  }

  /// Chooses an id if `id` is 0. The lease lives at least as long as granted, on whichever member leads.
  public func grantLease(ttlSeconds: Int64, id: Int64, completion: @escaping (Result<LeaseGrant, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    var chosen: Int64 = id
    while chosen == 0 || (id == 0 && member.keyspace.leaseTTL(chosen) != nil) { chosen = .random(in: 1 ... .max) }
    member.submit(.grantLease(id: chosen, ttlSeconds: ttlSeconds)) { result in
      completion(
        result.map { result in
          guard case .leaseGranted(let grant, _) = result else { preconditionFailure("a grant answers as one") }
          return grant
        })
    }
  }

  /// Answers the granted seconds, 0 if there is no such lease.
  public func keepLeaseAlive(id: Int64, completion: @escaping (Result<Int64, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    member.callLeader(LeaderCall(kind: .keepAlive, lease: id), completion)
  }

  /// Remaining time as the leader knows it; keys as of now.
  public func leaseTimeToLive(id: Int64, withKeys: Bool, completion: @escaping (Result<LeaseStatus, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    member.linearize { error in
      if let error { return completion(.failure(error)) }
      member.callLeader(LeaderCall(kind: .remaining, lease: id)) { result in
        completion(
          result.map { milliseconds in
            guard milliseconds >= 0, let granted: Int64 = member.keyspace.leaseTTL(id) else {
              return LeaseStatus(id: id, ttlSeconds: -1, grantedSeconds: 0)
            }
            return LeaseStatus(
              id: id, ttlSeconds: (milliseconds + 500) / 1000, grantedSeconds: granted,
              keys: withKeys ? member.keyspace.leaseKeys(id) : [])
          })
      }
    }
  }

  /// Asks for the leadership to be moved. Answers when `target` leads; `.timeout` when it does not within the request timeout.
  public func moveLeader(to target: MemberID, completion: @escaping @Sendable (Result<Void, KeyspaceError>) -> Void) {
    guard let member else { return completion(.failure(notStarted)) }
    guard member.node.membership.isVoter(target) else {
      return completion(.failure(KeyspaceError(.unavailable, "\(target) is no voter of this store: it cannot lead")))
    }
    guard member.node.currentLeader != nil else {
      return completion(.failure(KeyspaceError(.noLeader, "nobody leads who could hand over: wait for the election")))
    }
    member.node.transferLeadership(to: target)
    member.scheduleDrain()
    let deadline: MonotonicTime = member.now + configuration.requestTimeout
    let handle: NIOLoopBound<MemberCore> = member.handle
    let tick = TimeAmount.nanoseconds(configuration.tick.inNanoseconds)
    let requestTimeout: Duration = configuration.requestTimeout
    eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: tick) { task in
      let member: MemberCore = handle.value
      if member.node.currentLeader == target {
        task.cancel()
        completion(.success(()))
      } else if member.failure != nil || member.now > deadline {
        task.cancel()
        completion(.failure(KeyspaceError(.timeout, "the leadership did not move to \(target) within \(requestTimeout)")))
      }
    }
  }
}
