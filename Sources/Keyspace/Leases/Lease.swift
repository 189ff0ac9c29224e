import Primitives

/// The replicated part of a lease: that it exists, how long it was granted for, which keys go with it, and what the leader last said
/// of its remaining time. When it runs out is the leader's affair (`LeaseKeeper`).
struct Lease: Hashable, Sendable {
  var ttlSeconds: Int64
  /// At most so much is left, by the newest checkpoint; 0: there is none, or it was taken back by a keep-alive.
  var remainingSeconds: Int64 = 0
  var keys: Set<Bytes> = []

  var sortedKeys: [Bytes] { keys.sorted { $0.precedes($1) } }
}

/// How much of a lease's time is left, in whole seconds, rounded up; 0 takes back what an earlier checkpoint said.
public struct LeaseCheckpoint: Hashable, Sendable {
  public var id: Int64
  public var remainingSeconds: Int64
  public init(id: Int64, remainingSeconds: Int64) {
    self.id = id
    self.remainingSeconds = remainingSeconds
  }
}

extension Keyspace {
  public var leases: [Int64] { leaseTable.keys.sorted() }
  public func leaseTTL(_ id: Int64) -> Int64? { leaseTable[id]?.ttlSeconds }
  public func leaseKeys(_ id: Int64) -> [Bytes] { leaseTable[id]?.sortedKeys ?? [] }

  /// By the newest checkpoint; 0 without one: all of it.
  public func leaseRemaining(_ id: Int64) -> Int64 { leaseTable[id]?.remainingSeconds ?? 0 }

  mutating func checkpointLeases(_ checkpoints: [LeaseCheckpoint]) {
    for checkpoint in checkpoints {
      guard let ttlSeconds: Int64 = leaseTable[checkpoint.id]?.ttlSeconds else { continue }
      leaseTable[checkpoint.id]?.remainingSeconds = checkpoint.remainingSeconds < ttlSeconds ? max(0, checkpoint.remainingSeconds) : 0
    }
  }

  mutating func grantLease(id: Int64, ttlSeconds: Int64) throws(KeyspaceError) -> LeaseGrant {
    if id == 0 {
      throw KeyspaceError(.leaseNotFound, "a lease granted through the log needs an id; the member that proposes it chooses one")
    }
    if ttlSeconds > KeyspaceLimits.leaseSeconds {
      throw KeyspaceError(.leaseTTLTooLarge, "a lease of \(ttlSeconds) s was asked for, the longest is \(KeyspaceLimits.leaseSeconds) s")
    }
    if leaseTable[id] != nil { throw KeyspaceError(.leaseExists, "lease \(String(id, radix: 16)) exists already") }
    let granted: Int64 = max(ttlSeconds, KeyspaceLimits.minimumLeaseSeconds)
    leaseTable[id] = Lease(ttlSeconds: granted)
    return LeaseGrant(id: id, ttlSeconds: granted)
  }

  /// Ends a lease and deletes its keys, in order, all at one revision.
  mutating func revokeLease(id: Int64) throws(KeyspaceError) {
    guard let lease: Lease = leaseTable.removeValue(forKey: id) else {
      throw KeyspaceError(.leaseNotFound, "lease \(String(id, radix: 16)) does not exist: it expired or was revoked")
    }
    var written: Int64 = 0
    for key in lease.sortedKeys {
      guard let record: Record = index.entry(of: key)?.newest, !record.isDeletion else { continue }
      delete(record, written: &written)
    }
    if written > 0 { revision += 1 }
  }

  mutating func attach(_ key: Bytes, to lease: Int64) { leaseTable[lease]?.keys.insert(key) }
  mutating func detach(_ key: Bytes, from lease: Int64) { leaseTable[lease]?.keys.remove(key) }
}
