import Consensus
import Keyspace
import Primitives

/// Leases as their holders count: a lease that was granted or kept alive lives at least its whole time from the moment the request was
/// *sent*. Nobody but the holder and a leader in its own term ends one.
struct LeaseChecker {
  private struct Lease {
    var ttlSeconds: Int64
    /// Before this, in the world's time, nobody but its holder may end it.
    var until: Int64
    var isGivenUp: Bool = false
    /// Since when the leader has known it with this much time left: granted, written down, or taken over.
    var lastTouched: Int64
    var isOver: Bool = false
  }
  private var leases: [Int64: Lease] = [:]
  private var lastLeader: Int64 = 0

  mutating func onLeader(now: Int64) { lastLeader = now }

  /// The holder was told.
  mutating func onDone(_ request: ClientRequest, _ seen: OperationResult, now: Int64) -> String? {
    func until(_ ttlSeconds: Int64) -> Int64 {
      // The leader's clock may run too fast by the drift; a tick of it is what it sees time by.
      request.since + ttlSeconds * (1_000_000 - 2 * Int64(SimulationLimits.drift))
    }
    switch request.operation {
    case .grant(let id, let ttlSeconds):
      guard seen.succeeded else { return nil }
      let known: Int64 = leases[id]?.lastTouched ?? now
      let isOver: Bool = leases[id]?.isOver ?? false
      if isOver, now < until(ttlSeconds) { return "lease \(id) of \(ttlSeconds) s was granted and had ended already" }
      leases[id] = Lease(ttlSeconds: ttlSeconds, until: until(ttlSeconds), lastTouched: known, isOver: isOver)
    case .keepAlive(let id):
      guard let lease = leases[id] else { return nil }
      if seen.ttlSeconds > 0 {
        guard !lease.isOver || now >= until(lease.ttlSeconds) else {
          return "lease \(id) was kept alive and has ended before its time"
        }
        leases[id]?.until = max(lease.until, until(seen.ttlSeconds))
      } else if !lease.isGivenUp, now < lease.until {
        return "the holder of lease \(id) was told that it is gone, \((lease.until - now) / 1000) ms before its time"
      }
    default: break
    }
    return nil
  }

  /// - Parameters:
  ///   - byClient: a client asked for it.
  ///   - isForeign: it was not proposed by the leader of the term that it is of.
  mutating func onCommitted(_ command: KeyspaceCommand, _ entry: Entry, byClient: Bool, isForeign: Bool, now: Int64) -> String? {
    switch command {
    case .grantLease(let id, let ttlSeconds):
      leases[id] = Lease(ttlSeconds: ttlSeconds, until: 0, lastTouched: now)
    case .revokeLease(let id):
      guard let lease = leases[id], !lease.isOver else { return nil }
      leases[id]?.isOver = true
      if byClient {
        leases[id]?.isGivenUp = true
        return nil
      }
      if isForeign { return "lease \(id) was revoked by entry \(entry.index) of term \(entry.term), proposed by one that does not lead it" }
      if now < lease.until {
        return "lease \(id) of \(lease.ttlSeconds) s ran out \((lease.until - now) / 1000) ms before its time, as its holder counts"
      }
    case .checkpointLeases(let checkpoints):
      if isForeign {
        return "leases were written down by entry \(entry.index) of term \(entry.term), proposed by one that does not lead it"
      }
      for checkpoint in checkpoints where checkpoint.remainingSeconds > 0 { leases[checkpoint.id]?.lastTouched = now }
    default: break
    }
    return nil
  }

  /// Survivors went on with these: what holders were promised before died with the majority.
  mutating func recover(_ kept: [Int64: Set<Int>], now: Int64) {
    leases = leases.filter { kept[$0.key] != nil }
    for id in leases.keys {
      leases[id]?.until = 0
      leases[id]?.isOver = false
      leases[id]?.lastTouched = now
    }
  }

  /// With a leader that stays, what is left of a long lease is written down: otherwise the next leader gives it all of its time again.
  func forgotten(interval: Int64, now: Int64) -> String? {
    let limit: Int64 = interval * 2 + 300_000
    guard now - lastLeader > limit else { return nil }
    for (id, lease) in leases.sorted(by: { $0.key < $1.key })
    where !lease.isOver && lease.ttlSeconds > 1 && now - max(lease.lastTouched, lastLeader) > limit && lease.until - now > interval {
      return "what is left of lease \(id) was not written down for \((now - lease.lastTouched) / 1000) ms"
    }
    return nil
  }

  /// Leases that nobody keeps end: with their time, and what a new leader may add to it.
  func overdue(now: Int64) -> String? {
    for (id, lease) in leases.sorted(by: { $0.key < $1.key }) where !lease.isOver && lease.until > 0 {
      let latest: Int64 = max(lease.until, lastLeader) + lease.ttlSeconds * 1_000_000 + 3_000_000
      if now > latest { return "lease \(id) of \(lease.ttlSeconds) s lives \((now - lease.until) / 1000) ms longer than it was kept" }
    }
    return nil
  }
}
