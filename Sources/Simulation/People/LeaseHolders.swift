import Primitives

/// What a client that holds leases is at: one lease after the other, each with a key.
struct LeaseHolding {
  enum Step { case wantsLease, wantsKey, keeps, lets }
  let key: Int
  var step: Step = .wantsLease
  var lease: Int64 = 0
  var ttlSeconds: Int64 = 0
  /// Of each second of the lease, microseconds that pass before it is kept alive again.
  var pace: Int64 = 300_000
  /// The leader may die just after it was kept alive.
  var isLate: Bool = false
  /// It keeps the lease alive until then, and lets it run out, or revokes it.
  var until: Int64 = 0
  var lastKept: Int64 = 0
}

extension World {
  /// nil: nothing to do right now.
  func nextLeaseOperation(_ number: Int) -> ClientOperation? {
    guard var holding = clients[number].lease else { return nil }
    defer { clients[number].lease = holding }
    switch holding.step {
    case .wantsLease:
      holding.lease = Int64(number + 1) << 32 | Int64(clients[number].sequence)
      // Some keep it alive at the last moment, when it was written down how little is left.
      let (isLazy, isLate): (Bool, Bool) = (chance(400), chance(300))
      holding.ttlSeconds = isLate ? 3 : isLazy ? 5 : Int64(1 + draw(below: 4))
      holding.pace = isLate ? 920_000 : isLazy ? 600_000 : 300_000
      holding.isLate = isLate
      holding.until = now + Int64((isLate ? 3_500_000 : 500_000) + draw(below: isLazy ? 8_000_000 : 2_500_000))
      return .grant(lease: holding.lease, ttlSeconds: holding.ttlSeconds)
    case .wantsKey:
      return .putLeased(key: holding.key, lease: holding.lease, value: Bytes("\(number).\(clients[number].sequence)"))
    case .keeps:
      if now > holding.until, isStormy {
        holding.step = .lets
        return chance(500) ? .revoke(lease: holding.lease) : nil
      }
      guard now - holding.lastKept > holding.ttlSeconds * holding.pace else { return nil }
      return .keepAlive(lease: holding.lease)
    case .lets:
      guard checkers.history.model.leases[holding.lease] == nil || chance(50) else { return nil }
      holding.step = .wantsLease
      return nil
    }
  }

  func learnLease(_ number: Int, _ request: ClientRequest, _ result: OperationResult) {
    guard var holding = clients[number].lease else { return }
    switch request.operation {
    case .grant(let lease, _): if result.succeeded, lease == holding.lease { holding.step = .wantsKey }
    case .putLeased: holding.step = result.succeeded ? .keeps : .wantsLease
    case .keepAlive:
      if result.ttlSeconds == 0 { holding.step = .wantsLease }
      if holding.isLate, result.ttlSeconds > 0, isStormy, weather.kind == .leases, let leader, chance(700) {
        note("client \(number) kept lease \(holding.lease) alive at the last moment")
        schedule(.fault(.crash([leader], downFor: 400_000)), in: Int64(draw(below: 150_000)))
      }
    case .revoke: holding.step = .wantsLease
    default: break
    }
    holding.lastKept = now
    clients[number].lease = holding
  }
}
