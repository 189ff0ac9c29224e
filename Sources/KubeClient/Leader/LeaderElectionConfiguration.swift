import Primitives

/// Who wants to lead what, and how patiently.
public struct LeaderElectionConfiguration: Sendable {
  public var namespace: String
  /// The Lease's name: what is led.
  public var name: String
  /// Unique among the candidates: host and daemon.
  public var identity: String
  /// A lease not renewed for this long, as its watchers observe it on their own clocks, may be taken.
  public var leaseDuration: Duration
  /// A leader that could not renew for this long stops leading. Counted from before the last successful renewal was sent.
  public var renewDeadline: Duration
  public var retryPeriod: Duration
  /// The activation's epoch as this process knows it. A lease of an older epoch counts as expired, one of a newer epoch is
  /// never touched: whoever holds it belongs to a later activation than we do.
  public var epoch: @Sendable () -> Int64
  /// Asked every `LeaderElectionConfiguration.poll`: while false, a candidate does not try, and a leader gives the lease back. For
  /// daemons that run in the active center only.
  public var mayLead: @Sendable () -> Bool
  /// How soon a change of `mayLead` is noticed where nobody tells of it: a failover waits for it.
  public static let poll: Duration = .milliseconds(25)
  /// Returns once `mayLead` may be other than `before`, after `limit` at the latest; throws when cancelled. By default it looks every
  /// `poll`, which wakes the process forty times a second: whoever knows when it changes should say so.
  public var waitForChange: @Sendable (_ before: Bool, _ limit: Duration) async throws -> Void = { _, limit in
    try await Task.sleep(for: min(limit, poll))
  }
  /// The longest that a candidate waits for `mayLead` without looking for itself.
  static let look: Duration = .seconds(1)

  public init(
    namespace: String = "tricenter-system", name: String, identity: String, leaseDuration: Duration = .seconds(3),
    renewDeadline: Duration = .seconds(2), retryPeriod: Duration = .milliseconds(500), epoch: @escaping @Sendable () -> Int64 = { 0 },
    mayLead: @escaping @Sendable () -> Bool = { true }
  ) {
    precondition(
      leaseDuration > renewDeadline && renewDeadline > retryPeriod && retryPeriod > .zero,
      "leader election \(name): leaseDuration (\(leaseDuration)) > renewDeadline (\(renewDeadline)) > retryPeriod (\(retryPeriod)) must hold"
    )
    self.namespace = namespace
    self.name = name
    self.identity = identity
    self.leaseDuration = leaseDuration
    self.renewDeadline = renewDeadline
    self.retryPeriod = retryPeriod
    self.epoch = epoch
    self.mayLead = mayLead
  }
}
