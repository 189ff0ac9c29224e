import Primitives

extension Keyspace {
  /// Runs a transaction that `TransactionRequest.isReadOnly`, changing nothing.
  public func evaluate(_ request: TransactionRequest) throws(KeyspaceError) -> TransactionResponse {
    precondition(request.isReadOnly, "evaluate() was given a transaction that writes")
    var copy: Keyspace = self
    let response: TransactionResponse = try copy.transact(request)
    try checkValues()
    return response
  }

  mutating func transact(_ request: TransactionRequest) throws(KeyspaceError) -> TransactionResponse {
    // As etcd does: all branches are chosen, and everything that can fail is checked, before the first write.
    let plan: Plan = plan(for: request)
    try checkRunnable(plan)
    var written: Int64 = 0
    let response: TransactionResponse = try run(plan, written: &written)
    if written > 0 { revision += 1 }
    return response
  }

  /// The branch that the comparisons chose, nested ones chosen as well.
  struct Plan {
    enum Step {
      case operation(Operation)
      case nested(Plan)
    }
    var succeeded: Bool
    var steps: [Step]
  }

  private func plan(for request: TransactionRequest) -> Plan {
    let succeeded: Bool = request.compares.allSatisfy { holds($0) }
    let steps: [Plan.Step] = (succeeded ? request.success : request.failure).map { operation in
      if case .transaction(let nested) = operation { return .nested(plan(for: nested)) }
      return .operation(operation)
    }
    return Plan(succeeded: succeeded, steps: steps)
  }

  private func checkRunnable(_ plan: Plan) throws(KeyspaceError) {
    for step in plan.steps {
      switch step {
      case .nested(let nested): try checkRunnable(nested)
      case .operation(.range(let request)):
        if request.range.key.isEmpty { throw KeyspaceError(.emptyKey, "a range in a transaction needs a key") }
        try checkReadable(request.revision, current: revision)
      case .operation(.put(let request)): try checkPut(request)
      case .operation: break
      }
    }
  }

  private func checkPut(_ request: PutRequest) throws(KeyspaceError) {
    if request.ignoreValue || request.ignoreLease, index.entry(of: request.key)?.newest.isDeletion ?? true {
      throw KeyspaceError(
        .keyNotFound, "key \(request.key.text.debugDescription) does not exist, so its value or lease cannot be kept by this put")
    }
    if request.lease != 0, leaseTable[request.lease] == nil {
      throw KeyspaceError(.leaseNotFound, "lease \(String(request.lease, radix: 16)) does not exist: it expired or was revoked")
    }
  }

  private mutating func run(_ plan: Plan, written: inout Int64) throws(KeyspaceError) -> TransactionResponse {
    var responses: [OperationResponse] = []
    responses.reserveCapacity(plan.steps.count)
    for step in plan.steps {
      switch step {
      case .nested(let nested): responses.append(.transaction(try run(nested, written: &written)))
      case .operation(.range(let request)): responses.append(.range(try range(request, current: revision + (written > 0 ? 1 : 0))))
      case .operation(.put(let request)): responses.append(.put(previous: put(request, written: &written)))
      case .operation(.delete(let request)): responses.append(delete(request, written: &written))
      case .operation(.transaction): preconditionFailure("a plan holds nested transactions as plans")
      }
    }
    return TransactionResponse(revision: revision + (written > 0 ? 1 : 0), succeeded: plan.succeeded, responses: responses)
  }

  private mutating func put(_ request: PutRequest, written: inout Int64) -> KeyValue? {
    let place: OrderedIndex.Place = index.lowerBound(request.key)
    let previous: Record? = index.living(request.key, at: place)
    let main: Int64 = revision + 1
    let lease: Int64 = request.ignoreLease ? previous?.lease ?? 0 : request.lease
    let record: Record = self.record(
      key: request.key, value: request.ignoreValue ? previous?.value ?? [] : request.value,
      createRevision: previous?.createRevision ?? main, modRevision: main, sub: written, version: (previous?.version ?? 0) + 1,
      lease: lease)
    written += 1
    write(record, near: place)
    if let old: Int64 = previous?.lease, old != lease { detach(request.key, from: old) }
    if lease != 0, previous?.lease != lease { attach(request.key, to: lease) }
    return request.previous ? previous?.keyValue() : nil
  }

  private mutating func delete(_ request: DeleteRequest, written: inout Int64) -> OperationResponse {
    var victims: [Record] = []
    index.forEach(in: request.range) { entry in
      if !entry.newest.isDeletion { victims.append(entry.newest) }
      return true
    }
    for victim in victims { delete(victim, written: &written) }
    return .delete(deleted: Int64(victims.count), previous: request.previous ? victims.map { $0.keyValue() } : [])
  }

  mutating func delete(_ victim: Record, written: inout Int64) {
    write(.deletion(victim.key, at: revision + 1, sub: written))
    written += 1
    if victim.lease != 0 { detach(victim.key, from: victim.lease) }
  }
}
