import KubeClient
import Observability
import Primitives

/// What the controller manager is told; the defaults are Kubernetes', where it has them.
public struct ControllerConfiguration: Sendable {
  /// Run only while holding this lease; nil runs at once (tests, single process). `mayLead` and `epoch` in it tie the controllers to
  /// the active center.
  public var leaderElection: LeaderElectionConfiguration?
  /// Workers per controller.
  public var workers: Int
  /// Silence after which a node counts as unreachable (`--node-monitor-grace-period`).
  public var nodeGrace: Duration
  public var nodeStartupGrace: Duration
  /// Nodes per second that may be emptied per zone (`--node-eviction-rate`).
  public var evictionRate: Double
  /// Ended pods kept (`--terminated-pod-gc-threshold`); 0 keeps all.
  public var terminatedPods: Int
  public var podCleanupPeriod: Duration
  /// How long a node that pods name may be missing before its pods go.
  public var missingNodeQuarantine: Duration
  /// How often the garbage collector looks for new kinds.
  public var discoveryPeriod: Duration
  public var health: HealthRegistry?
  public var clock: any TimeSource

  public init(
    leaderElection: LeaderElectionConfiguration? = nil, workers: Int = 5, nodeGrace: Duration = .seconds(40),
    nodeStartupGrace: Duration = .seconds(60), evictionRate: Double = 0.1, terminatedPods: Int = 12_500,
    podCleanupPeriod: Duration = .seconds(20), missingNodeQuarantine: Duration = .seconds(40), discoveryPeriod: Duration = .seconds(30),
    health: HealthRegistry? = nil, clock: any TimeSource = SystemClock()
  ) {
    precondition(
      workers > 0 && nodeGrace > .zero && evictionRate >= 0,
      "controller configuration: workers, nodeGrace and evictionRate must be positive")
    self.leaderElection = leaderElection
    self.workers = workers
    self.nodeGrace = nodeGrace
    self.nodeStartupGrace = nodeStartupGrace
    self.evictionRate = evictionRate
    self.terminatedPods = terminatedPods
    self.podCleanupPeriod = podCleanupPeriod
    self.missingNodeQuarantine = missingNodeQuarantine
    self.discoveryPeriod = discoveryPeriod
    self.health = health
    self.clock = clock
  }
}
