/// What the federation's daemons let grow.
public enum FederationLimits {
  /// Reads of the activation record on their way at the same time, of one reader.
  public static let readsOnTheWay: Int = 7
  /// How long one read may take before the next is sent beside it. A center is active on after an election only by a read that began after
  /// it and a renewal after that.
  public static let readPatience: Duration = .milliseconds(150)
  /// How long one read may take at all; then it is cancelled.
  public static let readTimeout: Duration = .milliseconds(1_000)

  /// Between two reads: while this process's own center is active (its deadline counts from them); while another is and renews; while it is
  /// late.
  public static let readWhileActive: Duration = .milliseconds(100)
  public static let readWhileCalm: Duration = .milliseconds(1_000)
  public static let readWhileLate: Duration = .milliseconds(100)
  /// Renewals that may be missing before the active center counts as late, and how long it is not late however often it renews: what is
  /// asked of people's moves must not turn on a write that was slow for once.
  static let missingRenewals: Int = 3
  static let leastLate: Duration = .milliseconds(600)
  public static func lateAfter(renewEvery: Duration) -> Duration { max(renewEvery * missingRenewals, leastLate) }
  /// Findings that a slow listener may leave unread; it misses the oldest then.
  public static let waitingFindings: Int = 64

  /// Between two rounds of accepting or refusing Failovers.
  public static let requestPause: Duration = .milliseconds(200)
  /// How long a Failover may wait for the active center before the others judge it.
  public static let requestPatience: Duration = .milliseconds(500)

  /// How long a Failover may wait for something else to end, and for approvals.
  public static let queuePatience: Duration = .seconds(600)
  public static let approvalPatience: Duration = .seconds(3_600)
  /// Seconds after an activation in which the next move waits for the pods.
  static let settlingSeconds: Int64 = 60
  /// Seconds that a reprotection may take before it counts as failed.
  static let reprotectSeconds: Int64 = 900
  /// Entries of a Failover's history.
  static let historyEntries: Int = 50
  /// How long what was found about a move that waits is believed.
  static let findingsEvery: Duration = .milliseconds(500)
  /// Findings of one rule about one center: the rest would only repeat it.
  static let findingsPerRule: Int = 20
  /// Namespaces of a cluster that are placed elsewhere than the rest at the same time: every renewal carries them.
  public static let placedNamespaces: Int = 100
  /// Decisions that are kept, and how often the oldest are dropped.
  public static let decisionsKept: Int = 1_000
  static let decisionsEvery: Duration = .seconds(60)
  /// Decisions on their way into the store; more are only logged.
  static let decisionsOnTheWay: Int = 64

  static func assertRelations() {
    // Otherwise a reader would stand still with all its reads on the way.
    precondition(readPatience * (readsOnTheWay - 1) < readTimeout, "the limit must be reached only just before the oldest read ends")
    // A site's lease is 2 s at least: the word must be there before.
    precondition(VantageLimits.silentAfter + VantageLimits.reportPause < .seconds(2), "a vantage must have said so before a lease ends")
    precondition(
      VantageLimits.probeTimeout + VantageLimits.probeEvery < VantageLimits.silentAfter, "one lost answer must not make a center silent")
    precondition(
      VantageLimits.reportEvery >= ReadinessLimits.every / 6 && ReadinessLimits.every.components.seconds < ReadinessLimits.lateAfterSeconds,
      "another host evaluates the rules only when the first is late")
    precondition(readPatience * readsOnTheWay >= readTimeout, "a new read must be possible as soon as patience ends")
  }
}
/// What the rules of readiness hold values against.
public enum ReadinessLimits {
  /// How often the rules are evaluated while nothing happens.
  public static let every: Duration = .seconds(30)
  /// And while something blocks.
  static let again: Duration = .seconds(5)
  /// From when on another host does it for one that should have.
  static let lateAfterSeconds: Int64 = 45
  /// A store member that the leader has not heard for so long is silent.
  static let silentMember: Duration = .seconds(3)
  static let lag: Duration = .seconds(1)
  static let lagEntries: Int64 = 10_000
  /// Seconds of a certificate's remaining life.
  static let certificateWarning: Int64 = 14 * 86_400
  static let certificateBlocking: Int64 = 86_400
  /// Seconds since the last drill that passed.
  static let drillAge: Int64 = 90 * 86_400
  static let allocatablePerCent: Int64 = 80
  /// As many images as a node tells at most (kubelet's nodeStatusMaxImages).
  static let toldImages: Int = 50
}

/// How the vantages look, and how old their word may be.
public enum VantageLimits {
  /// Between two probes of one host that answers; of one that does not.
  static let probeEvery: Duration = .milliseconds(500)
  static let probeAgain: Duration = .milliseconds(250)
  static let probeTimeout: Duration = .milliseconds(500)
  /// A center none of whose hosts has answered for so long is silent. Well before a lease is over, so that the word is there by then.
  static let silentAfter: Duration = .milliseconds(1_500)
  /// From when on a silent center is told as not ready: what is told of it is then there within a lease and a second, with a round of
  /// enforcing and the write.
  static func centerPatience(lease: Duration) -> Duration { max(silentAfter, lease - .seconds(1)) }
  /// Between two reports of a host whose name server does not answer: people wait for its cure.
  static let reportAgain: Duration = .seconds(1)
  /// How often a vantage reports when nothing changes, and the pause between two reports at least.
  static let reportEvery: Duration = .seconds(10)
  static let reportPause: Duration = .milliseconds(250)
  /// The same of a probe on the branch side: when production and branch are both gone, its last word holds a takeover back for three of
  /// these.
  static let branchReportEvery: Duration = .seconds(1)
  /// Reports that may be missing before a vantage's word is void.
  static let missedReports: Int = 3
}
