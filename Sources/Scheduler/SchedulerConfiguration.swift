import KubeClient
import Observability
import Primitives

/// What the scheduler is told.
public struct SchedulerConfiguration: Sendable {
  /// The center whose nodes take pods now; nil while none is active: then nothing is placed. Asked before every decision, and
  /// every 25 ms for a change.
  public var activeCenter: @Sendable () -> CenterName?
  /// Namespaces whose exclusive pods belong to another center than the active one; nil: to none now, they are being moved.
  public var placedNamespaces: @Sendable () -> [String: CenterName?]
  /// Run only while holding this lease; nil runs at once.
  public var leaderElection: LeaderElectionConfiguration?
  /// Pods that name another scheduler are left to it.
  public var schedulerName: String
  public var health: HealthRegistry?
  public var clock: any TimeSource
  /// Of ties between nodes. Nil: from the system.
  public var seed: UInt64?

  public init(
    activeCenter: @escaping @Sendable () -> CenterName?, placedNamespaces: @escaping @Sendable () -> [String: CenterName?] = { [:] },
    leaderElection: LeaderElectionConfiguration? = nil, schedulerName: String = "default-scheduler", health: HealthRegistry? = nil,
    clock: any TimeSource = SystemClock(), seed: UInt64? = nil
  ) {
    self.activeCenter = activeCenter
    self.placedNamespaces = placedNamespaces
    self.leaderElection = leaderElection
    self.schedulerName = schedulerName
    self.health = health
    self.clock = clock
    self.seed = seed
  }
}
