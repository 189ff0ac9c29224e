import Consensus
import Primitives

/// Asks one thing after the other, of one member or another, and notes what it was told.
struct Client {
  let number: Int
  var sequence: UInt64 = 0
  /// What it waits for.
  var open: ClientRequest?
  /// Modification revisions that it has seen, for comparisons.
  var seen: [Int64] = [Int64](repeating: 0, count: SimulationLimits.keyCount)
  var home: Int

  init(number: Int) {
    self.number = number
    home = number % SimulationLimits.memberCount
  }
}

extension World {
  func act(_ number: Int) {
    guard clients[number].open == nil else { return }
    clients[number].sequence += 1
    if chance(150) { clients[number].home = draw(below: SimulationLimits.memberCount) }
    let id: UInt64 = UInt64(number + 1) << 32 | clients[number].sequence
    let request = ClientRequest(id: id, client: number, operation: nextOperation(number))
    clients[number].open = request
    checkers.history.onInvoke(request)
    let member: Int = clients[number].home
    schedule(.request(member: member, request), in: clientDelay())
    schedule(.clientGivesUp(client: number, request: id), in: SimulationLimits.clientPatience)
  }

  private func clientDelay() -> Int64 { Int64(100 + draw(below: 400)) }

  private func nextOperation(_ number: Int) -> ClientOperation {
    let key: Int = draw(below: SimulationLimits.keyCount)
    var value = Bytes("\(number).\(clients[number].sequence)")
    // Some writes fill more than a sector, so that a crash can tear them.
    if chance(250) { value += Bytes(repeating: 0x2E, count: 200 + draw(below: 2_000)) }
    switch draw(below: 100) {
    case ..<34: return .get(key: key)
    case ..<60: return .put(key: key, value: value)
    case ..<80: return .compareAndPut(key: key, revision: clients[number].seen[key], value: value)
    case ..<90: return .putTwo(key: key, other: (key + 1) % SimulationLimits.keyCount, value: value)
    case ..<98: return .delete(key: key)
    default: return .compact(revision: max(1, checkers.history.model.revision - 10))
    }
  }

  func take(_ request: ClientRequest, at member: Int) {
    guard let process = members[member].process else { return answer(request, .refused) }
    if request.operation.isRead {
      if options.defect == .readsLocally { return answerRead(request, process) }
      process.reading[request.id] = request
      process.node.readIndex(request.id)
    } else {
      process.waiting[request.id] = request
      let result: ProposalResult = process.node.propose([Wire.encode(request)], context: request.id)
      if case .dropped = result {
        process.waiting[request.id] = nil
        answer(request, .refused)
      } else if options.defect == .acknowledgesProposals {
        answer(request, .done(OperationResult(revision: process.keyspace.revision)))
      }
    }
    drain(member)
  }

  func answer(_ request: ClientRequest, _ answer: ClientAnswer) {
    schedule(.answer(client: request.client, request: request.id, answer), in: clientDelay())
  }

  func hear(_ answer: ClientAnswer, to request: UInt64, _ number: Int) {
    guard let open = clients[number].open, open.id == request else { return }
    clients[number].open = nil
    switch answer {
    case .done(let result):
      if let problem = checkers.history.onDone(open, result) { return violate(.linearizability, problem) }
      if open.operation.isRead { report.servedReads += 1 } else { report.acknowledgedWrites += 1 }
      learn(number, open.operation, result)
      if !isStormy { servedSinceCalm.insert(number) }
    case .refused: if let problem = checkers.history.onRefused(open) { return violate(.linearizability, problem) }
    case .lost: report.unknownOutcomes += 1
    }
    let pause: Int = if case .done = answer { 10_000 + draw(below: 70_000) } else { 40_000 + draw(below: 40_000) }
    schedule(.clientTurn(number), in: Int64(pause))
  }

  private func learn(_ number: Int, _ operation: ClientOperation, _ result: OperationResult) {
    switch operation {
    case .put(let key, _): clients[number].seen[key] = result.revision
    case .get(let key): clients[number].seen[key] = result.modRevision
    case .compareAndPut(let key, _, _): clients[number].seen[key] = result.succeeded ? result.revision : result.modRevision
    case .putTwo, .delete, .compact: break
    }
  }

  func giveUp(_ request: UInt64, _ number: Int) {
    guard clients[number].open?.id == request else { return }
    clients[number].open = nil
    report.unknownOutcomes += 1
    if chance(600) { clients[number].home = draw(below: SimulationLimits.memberCount) }
    schedule(.clientTurn(number), in: 1_000)
  }
}
