/// What the federation's daemons let grow.
public enum FederationLimits {
  /// Reads of the activation record on their way at the same time, of one reader.
  public static let readsOnTheWay: Int = 4
  /// How long one read may take before the next is sent beside it.
  public static let readPatience: Duration = .milliseconds(300)
  /// How long one read may take at all; then it is cancelled.
  public static let readTimeout: Duration = .milliseconds(1_000)

  /// Between two reads: while this process's own center is active (its deadline counts from them); while another is and renews; while it is
  /// late.
  public static let readWhileActive: Duration = .milliseconds(200)
  public static let readWhileCalm: Duration = .milliseconds(1_000)
  public static let readWhileLate: Duration = .milliseconds(100)
  /// Renewals that may be missing before the active center counts as late.
  public static let missingRenewals: Int = 3
  /// Findings that a slow listener may leave unread; it misses the oldest then.
  public static let waitingFindings: Int = 64

  /// Between two rounds of accepting or refusing Failovers.
  public static let requestPause: Duration = .milliseconds(200)
  /// How long a Failover may wait for the active center before the others judge it.
  public static let requestPatience: Duration = .milliseconds(500)

  static func assertRelations() {
    // Otherwise a reader would stand still with all its reads on the way.
    precondition(readPatience * (readsOnTheWay - 1) < readTimeout, "the limit must be reached only just before the oldest read ends")
    precondition(readPatience * readsOnTheWay >= readTimeout, "a new read must be possible as soon as patience ends")
  }
}
