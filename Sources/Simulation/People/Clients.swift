import Consensus
import Keyspace
import Primitives
import Store

/// Asks one thing after the other, of one member or another, and notes what it was told.
struct Client {
  let number: Int
  var sequence: UInt64 = 0
  /// What it waits for.
  var open: ClientRequest?
  /// Modification revisions that it has seen, for comparisons, and the values that stood there.
  var seen: [(revision: Int64, value: Bytes?)] = nothing
  static let nothing: [(revision: Int64, value: Bytes?)] = [(Int64, Bytes?)](repeating: (0, nil), count: SimulationLimits.keyCount)
  var home: Int
  /// Of the cluster that it knows: what it has seen of another one says nothing here.
  var epoch: UInt64 = 0
  /// Until then it asks one host the same again and again: whether one that may be deposed still answers.
  var probesUntil: Int64 = 0
  /// What it does about leases, if it is one that does.
  var lease: LeaseHolding?

  init(number: Int, holdsLeases: Bool) {
    self.number = number
    home = number % Layout.founderCount
    if holdsLeases { lease = LeaseHolding(key: SimulationLimits.plainKeys + number) }
  }
}

extension World {
  func act(_ number: Int) {
    guard clients[number].open == nil else { return }
    clients[number].sequence += 1
    let isProbing: Bool = now < clients[number].probesUntil
    if !isProbing, chance(150) { moveHome(number) }
    let home: Host = hosts[clients[number].home]
    guard isFounded(home.epoch) else {
      moveHome(number)
      return schedule(.clientTurn(number), in: Int64(20_000 + draw(below: 60_000)))
    }
    enter(home.epoch)
    if clients[number].epoch != home.epoch {
      clients[number].epoch = home.epoch
      clients[number].seen = Client.nothing
    }
    let id: UInt64 = UInt64(number + 1) << 32 | clients[number].sequence
    guard let operation: ClientOperation = clients[number].lease == nil ? nextOperation(number, isProbing) : nextLeaseOperation(number)
    else {
      return schedule(.clientTurn(number), in: Int64(20_000 + draw(below: 60_000)))
    }
    let durability: Durability = operation.isTransaction ? drawDurability() : .centerSafe
    let request = ClientRequest(id: id, client: number, operation: operation, durability: durability, epoch: era, since: now)
    clients[number].open = request
    checkers.history.onInvoke(request)
    if case .compareAndPut(let key, _, _) = operation { checkers.history.calls.expects(id, clients[number].seen[key].value) }
    schedule(.request(host: clients[number].home, request), in: clientDelay())
    schedule(.clientGivesUp(client: number, request: id), in: isProbing ? SimulationLimits.probePatience : SimulationLimits.clientPatience)
  }

  /// Somebody reads at a host that may not know that it leads no more, while others write elsewhere.
  func probe(_ host: Int, until time: Int64) {
    guard let number: Int = clients.indices.last(where: { clients[$0].lease == nil }) else { return }
    clients[number].home = host
    clients[number].probesUntil = time
  }

  func moveHome(_ number: Int) {
    let homes: [Int] = hosts.indices.filter { hosts[$0].configuration != nil && !hosts[$0].isGone }
    if !homes.isEmpty { clients[number].home = homes[draw(below: homes.count)] }
  }

  private func clientDelay() -> Int64 { Int64(100 + draw(below: 400)) }

  private func drawDurability() -> Durability {
    switch draw(below: weather.kind == .cities ? 3 : 8) {
    case 1: .citySafe
    case 2: .auto
    default: .centerSafe
    }
  }

  private func nextOperation(_ number: Int, _ isProbing: Bool) -> ClientOperation {
    let key: Int = draw(below: SimulationLimits.plainKeys)
    if isProbing { return .get(key: key) }
    var value = Bytes("\(number).\(clients[number].sequence)")
    // Some writes fill more than a sector, so that a crash can tear them.
    if chance(250) { value.append(contentsOf: repeatElement(0x2E, count: 200 + draw(below: 2_000))) }
    switch draw(below: 100) {
    case ..<34: return .get(key: key)
    case ..<60: return .put(key: key, value: value)
    case ..<80: return .compareAndPut(key: key, revision: clients[number].seen[key].revision, value: value)
    case ..<90: return .putTwo(key: key, other: (key + 1) % SimulationLimits.plainKeys, value: value)
    case ..<95: return .delete(key: key)
    case ..<98: return .deleteRange(key, min(key + 2, SimulationLimits.plainKeys))
    default: return .compact(revision: max(1, checkers.history.model.revision - 10))
    }
  }

  func take(_ request: ClientRequest, at host: Int) {
    guard hosts[host].epoch == request.epoch else {
      // Its connection was to the member as it was before.
      enter(request.epoch)
      return refuse(request)
    }
    guard let process = hosts[host].process, !process.member.hasFailed else {
      refuse(request)
      return
    }
    let member: SteppedMember = process.member
    switch request.operation {
    case .get:
      if options.defect == .readsLocally { return answerRead(request, member) }
      member.linearize { [unowned self, unowned member] error in
        if error == nil { answerRead(request, member) } else { refuse(request) }
      }
    case .keepAlive(let lease):
      member.keepLeaseAlive(lease) { [unowned self, unowned member] result in
        guard case .success(let seconds) = result else { return answer(request, .lost) }
        var done = OperationResult(revision: member.keyspace.revision)
        done.ttlSeconds = seconds
        answer(request, .done(done))
      }
    default: submit(request, host, member)
    }
    observe(host)
  }

  private func submit(_ request: ClientRequest, _ host: Int, _ member: SteppedMember) {
    guard let command: KeyspaceCommand = request.operation.command(request.durability), let id: MemberID = hosts[host].id else { return }
    let number: UInt64? = member.submit(command) { [unowned self, unowned member] result in
      finish(request, result, revision: member.keyspace.revision, host)
    }
    guard let number else { return }
    checkers.history.onSubmitted(request.id, origin: id, number: number)
    if options.defect == .acknowledgesProposals { answer(request, .done(OperationResult(revision: member.keyspace.revision))) }
  }

  /// What the member says that became of a write.
  private func finish(_ request: ClientRequest, _ result: Result<CommandResult, KeyspaceError>, revision: Int64, _ host: Int) {
    if case .failure(let error) = result {
      switch error.code {
      case .noLeader, .dropped, .tooManyRequests, .unsupported, .noSpace: return refuse(request)
      case .timeout, .unavailable: return answer(request, .lost)
      default: break
      }
    } else {
      acknowledged.append((request, host))
    }
    answer(request, .done(OperationResult(result, revision: revision)))
  }

  private func refuse(_ request: ClientRequest) {
    if let problem = checkers.history.onRefused(request) { return violate(.linearizability, problem) }
    answer(request, .refused)
  }

  private func answerRead(_ request: ClientRequest, _ member: SteppedMember) {
    guard case .get(let key) = request.operation,
      let response = try? member.keyspace.range(RangeRequest(key: ClientOperation.key(key)))
    else { return }
    let found: KeyValue? = response.keyValues.first
    answer(
      request,
      .done(OperationResult(revision: response.revision, succeeded: true, value: found?.value, modRevision: found?.modRevision ?? 0)))
  }

  private func answer(_ request: ClientRequest, _ answer: ClientAnswer) {
    schedule(.answer(client: request.client, request: request.id, answer), in: clientDelay())
  }

  func hear(_ answer: ClientAnswer, to request: UInt64, _ number: Int) {
    guard let open = clients[number].open, open.id == request else { return }
    enter(open.epoch)
    clients[number].open = nil
    switch answer {
    case .done(let result):
      if let problem = checkers.history.onDone(open, result, now: now) { return violate(.linearizability, problem) }
      if let problem = checkers.leases.onDone(open, result, now: now) { return violate(.leaseSafety, problem) }
      if open.operation.isRead { report.servedReads += 1 } else { report.acknowledgedWrites += 1 }
      learn(number, open, result)
      if !isStormy { servedSinceCalm.insert(number) }
    case .refused: checkers.history.onGivenUp(open, isRefused: true)
    case .lost:
      checkers.history.onGivenUp(open, isRefused: false)
      report.unknownOutcomes += 1
    }
    var pause: Int = if case .done = answer { 10_000 + draw(below: 70_000) } else { 40_000 + draw(below: 40_000) }
    if now < clients[number].probesUntil { pause = 1_000 + draw(below: 4_000) }
    schedule(.clientTurn(number), in: Int64(pause))
  }

  private func learn(_ number: Int, _ request: ClientRequest, _ result: OperationResult) {
    switch request.operation {
    case .put(let key, let value): clients[number].seen[key] = (result.revision, value)
    case .get(let key): clients[number].seen[key] = (result.modRevision, result.value)
    case .compareAndPut(let key, _, let value):
      clients[number].seen[key] = result.succeeded ? (result.revision, value) : (result.modRevision, result.value)
    case .putTwo, .delete, .deleteRange, .compact: break
    case .grant, .revoke, .putLeased, .keepAlive: learnLease(number, request, result)
    }
  }

  func giveUp(_ request: UInt64, _ number: Int) {
    guard let open = clients[number].open, open.id == request else { return }
    enter(open.epoch)
    clients[number].open = nil
    checkers.history.onGivenUp(open, isRefused: false)
    report.unknownOutcomes += 1
    if now >= clients[number].probesUntil, chance(600) { moveHome(number) }
    schedule(.clientTurn(number), in: 1_000)
  }
}
