import Primitives

/// What a leader does for leases, and nobody else: lets them run out, keeps them alive, and writes down now and then how much of the
/// long ones is left. A value; the shell proposes what it says and tells it what became of that.
///
/// Two promises hold it together. A keep-alive that was answered counts for the next leader, too: where a checkpoint says that less is
/// left, it is taken back in the log *before* the answer. And whatever is proposed here may only ever be in the log in the term in which
/// it was proposed: a revocation or a checkpoint of an older term says nothing about a lease that another leader has kept alive since.
public struct LeaseKeeper: Sendable {
  public enum KeepAlive: Hashable, Sendable {
    /// No such lease, or it is being revoked.
    case gone
    case renewed(ttlSeconds: Int64)
    /// Propose this, and ask again once it is applied.
    case clearFirst(LeaseCheckpoint)
  }

  private var timer = LeaseTimer()
  /// Told to be asked about at this deadline; one that was kept alive meanwhile has another.
  private var expiring: [Int64: MonotonicTime] = [:]
  /// Proposed to be revoked, undecided.
  private var revoking: Set<Int64> = []
  /// Checkpoints that say that less is left, proposed and undecided, by lease. Those that take one back do not count: two keep-alives
  /// of one lease at a time would each make the other take it back once more, for ever.
  private var checkpointing: [Int64: Int] = [:]
  /// Whose remaining time is looked at next, in order of time: each lease at most once.
  private var round: [(due: MonotonicTime, id: Int64)] = []
  private var roundStart: Int = 0
  private var inRound: Set<Int64> = []
  /// Only leases with more left than this are written down, and so often (etcd: five minutes).
  private let checkpointInterval: Duration
  public private(set) var isKeeping: Bool = false

  public init(checkpointInterval: Duration) { self.checkpointInterval = checkpointInterval }

  /// This member leads and has applied everything of the leaders before it. `grace` is added to every lease.
  public mutating func begin(_ keyspace: Keyspace, now: MonotonicTime, grace: Duration) {
    end()
    isKeeping = true
    timer.restart(keyspace, now: now, grace: grace)
    for id in keyspace.leases { enrol(id, now: now) }
  }

  /// It leads no more.
  public mutating func end() { self = LeaseKeeper(checkpointInterval: checkpointInterval) }

  // MARK: What was applied

  public mutating func onGranted(_ grant: LeaseGrant, now: MonotonicTime) {
    guard isKeeping else { return }
    timer.start(grant.id, ttlSeconds: grant.ttlSeconds, now: now)
    enrol(grant.id, now: now)
  }

  public mutating func onRevoked(_ id: Int64) {
    timer.stop(id)
    expiring[id] = nil
    revoking.remove(id)
  }

  // MARK: Running out

  /// Leases that may be revoked if a majority confirms that this member still leads: then see `revocations(of:)`.
  public mutating func expired(now: MonotonicTime) -> [Int64] {
    guard isKeeping else { return [] }
    let ids: [Int64] = timer.expired(now: now)
    for id in ids { expiring[id] = timer.deadline(of: id) }
    return ids.filter { !revoking.contains($0) }
  }

  /// Those of them that were not kept alive while the majority was asked. Propose to revoke each, in this term or never.
  public mutating func revocations(of ids: [Int64]) -> [Int64] {
    guard isKeeping else { return [] }
    let due: [Int64] = ids.filter { id in
      guard let asked: MonotonicTime = expiring[id], !revoking.contains(id) else { return false }
      return timer.deadline(of: id) == asked
    }
    for id in due { expiring[id] = nil }
    revoking.formUnion(due)
    return due
  }

  /// The revocation is certainly not in the log: it may be tried again.
  public mutating func revocationDropped(_ id: Int64) { revoking.remove(id) }

  // MARK: Keeping alive

  /// After a majority confirmed the leader.
  public mutating func keepAlive(_ id: Int64, _ keyspace: Keyspace, now: MonotonicTime) -> KeepAlive {
    guard let ttlSeconds: Int64 = keyspace.leaseTTL(id), !revoking.contains(id) else { return .gone }
    timer.start(id, ttlSeconds: ttlSeconds, now: now)
    expiring[id] = nil
    enrol(id, now: now)
    guard keyspace.leaseRemaining(id) == 0, checkpointing[id] == nil else {
      return .clearFirst(LeaseCheckpoint(id: id, remainingSeconds: 0))
    }
    return .renewed(ttlSeconds: ttlSeconds)
  }

  /// nil: it is gone.
  public func remaining(_ id: Int64, _ keyspace: Keyspace, now: MonotonicTime) -> Duration? {
    guard let ttlSeconds: Int64 = keyspace.leaseTTL(id) else { return nil }
    return revoking.contains(id) ? .zero : max(.zero, timer.remaining(id, now: now) ?? .seconds(ttlSeconds))
  }

  // MARK: Checkpoints

  /// What to propose now, in this term or never; tell `checkpointsDecided` what became of it.
  public mutating func checkpoints(now: MonotonicTime) -> [LeaseCheckpoint] {
    guard isKeeping else { return [] }
    var due: [LeaseCheckpoint] = []
    while roundStart < round.count, round[roundStart].due <= now, due.count < KeyspaceLimits.leasesPerCheckpoint {
      let id: Int64 = round[roundStart].id
      roundStart += 1
      inRound.remove(id)
      guard let remaining: Duration = timer.remaining(id, now: now), remaining > .zero, !revoking.contains(id) else { continue }
      // Rounded up: a checkpoint may give time, never take it.
      due.append(LeaseCheckpoint(id: id, remainingSeconds: (remaining.inNanoseconds + 999_999_999) / 1_000_000_000))
      enrol(id, now: now)
    }
    if roundStart > 1024, roundStart * 2 > round.count {
      round.removeFirst(roundStart)
      roundStart = 0
    }
    for checkpoint in due { checkpointing[checkpoint.id, default: 0] += 1 }
    return due
  }

  /// Applied, or certainly not in the log.
  public mutating func checkpointsDecided(_ checkpoints: [LeaseCheckpoint]) {
    for checkpoint in checkpoints where checkpoint.remainingSeconds > 0 {
      guard let count: Int = checkpointing[checkpoint.id] else { continue }
      checkpointing[checkpoint.id] = count > 1 ? count - 1 : nil
    }
  }

  /// A lease with more than an interval left is looked at when that has passed.
  private mutating func enrol(_ id: Int64, now: MonotonicTime) {
    guard let remaining: Duration = timer.remaining(id, now: now), remaining > checkpointInterval, inRound.insert(id).inserted else {
      return
    }
    round.append((now + checkpointInterval, id))
  }
}
