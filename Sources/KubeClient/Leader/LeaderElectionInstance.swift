import Primitives

/// Decides whether to take, renew or leave a lease. Pure: time comes in as readings of one monotonic clock.
///
///     follow ──free, expired, own, or of an older epoch──▶ write ──accepted──▶ lead ──renewed──▶ lead
///        ▲                                                   │ refused            │ deadline, another holder
///        └───────────────────────────────────────────────────┴────────────────────┘
///
/// Safety: a leader's `deadline` is the start of its last accepted write + renewDeadline; a follower takes the lease only
/// after it has seen no change for leaseDuration, counted from when it *received* the last one, which is after that write
/// began. renewDeadline < leaseDuration, so both never believe they lead while clocks run at about the same rate.
struct LeaderElectionInstance: Sendable {
  enum Directive: Hashable, Sendable {
    /// Create or update the lease by its resourceVersion; `acquire` when it was not ours.
    case write(acquire: Bool)
    case startLeading
    case stopLeading(reason: String)
  }

  let identity: String
  let leaseDuration: Duration
  let renewDeadline: Duration
  private(set) var observed: LeaderLease?
  private var observedAt: MonotonicTime?
  /// Not nil while leading: until when, if no renewal succeeds.
  private(set) var deadline: MonotonicTime?

  init(identity: String, leaseDuration: Duration, renewDeadline: Duration) {
    self.identity = identity
    self.leaseDuration = leaseDuration
    self.renewDeadline = renewDeadline
  }

  var leads: Bool { deadline != nil }

  /// The lease was read (nil: there is none). `epoch` is ours.
  mutating func onRead(_ lease: LeaderLease?, epoch: Int64, now: MonotonicTime) -> [Directive] {
    if lease != observed || observedAt == nil {
      observed = lease
      observedAt = now
    }
    guard let lease else { return onDeadlineCheck(now) + [.write(acquire: !leads)] }
    if lease.epoch > epoch {
      // Our activation is over, whatever the clock says.
      return leads ? stop("a lease of epoch \(lease.epoch) exists, ours is \(epoch)") : []
    }
    if lease.holder == identity { return onDeadlineCheck(now) + [.write(acquire: !leads)] }
    if leads { return stop("\(lease.holder.isEmpty ? "nobody" : lease.holder) holds the lease") }
    let expired: Bool = now - observedAt! >= max(leaseDuration, .seconds(lease.durationSeconds))
    return lease.holder.isEmpty || lease.epoch < epoch || expired ? [.write(acquire: true)] : []
  }

  /// A write that began at `began` was accepted.
  mutating func onWritten(_ lease: LeaderLease, began: MonotonicTime, now: MonotonicTime) -> [Directive] {
    observed = lease
    observedAt = now
    let until: MonotonicTime = began + renewDeadline
    guard until > now else {
      // It took so long that the term is over before it began; the lease stays ours to renew.
      return leads ? stop("the renewal took \((now - began).inMilliseconds) ms") : []
    }
    let starts: Bool = !leads
    deadline = until
    return starts ? [.startLeading] : []
  }

  /// To be called at `deadline` at the latest, whatever else is under way.
  mutating func onDeadlineCheck(_ now: MonotonicTime) -> [Directive] {
    guard let deadline, now >= deadline else { return [] }
    return stop("no renewal succeeded within \(renewDeadline.inMilliseconds) ms")
  }

  private mutating func stop(_ reason: String) -> [Directive] {
    deadline = nil
    return [.stopLeading(reason: reason)]
  }
}
