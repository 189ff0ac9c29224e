import KubeModel
import Logging
import Observability
import Primitives
import TLS

public struct APIServerConfiguration: Sendable {
  /// The Kubernetes cluster's name, for logs.
  public var clusterName: String
  /// Where `spec.clusterIP` of Services comes from. The first address is the `kubernetes` Service's.
  public var serviceRange: IPv4Range
  public var nodePortRange: ClosedRange<Int64>
  /// The cluster's part of the keyspace: keys begin with `PREFIX/registry/`. Empty: `/registry/`.
  public var prefix: String
  /// Where clients in pods reach an apiserver; endpoints of the `kubernetes` Service. Empty: none are written.
  public var advertiseAddress: String
  public var advertisePort: Int64
  public var authorizer: Authorizer
  /// What `/readyz` and `/livez` answer from, besides this server's own checks.
  public var health: HealthRegistry?
  public var clock: any TimeSource
  /// Seed of generated names, UIDs and allocations. Nil, as it must be outside tests: from the system's secure random.
  public var seed: UInt64?
  /// How long a request waits for a store that has no leader.
  public var leaderWait: Duration
  /// How much of the store's history is kept for those who come back late: what is older than one to two intervals is compacted away.
  /// Nil: somebody else compacts.
  public var compactionInterval: Duration?
  /// For kubelets (logs, exec, attach, port-forward): this server's client certificate, and the authority that theirs must be from. Must
  /// offer `http/1.1` alone, since HTTP/2 connections cannot be upgraded. Nil: what goes to kubelets is refused by name.
  public var kubeletTLS: TLSContext?
  /// Why a read of this one object is not answered now, though it could be; nil: it is. Asked by each such read.
  public var withheld: (@Sendable (_ resource: ResourceName, _ namespace: String, _ name: String) -> String?)?
  public var limits: APIServerLimits
  public var logger: Logger

  public init(
    clusterName: String = "kubernetes", serviceRange: IPv4Range, nodePortRange: ClosedRange<Int64> = 30000...32767, prefix: String = "",
    advertiseAddress: String = "", advertisePort: Int64 = 6443, authorizer: Authorizer = .standard, health: HealthRegistry? = nil,
    clock: any TimeSource = SystemClock(), seed: UInt64? = nil, leaderWait: Duration = .seconds(3),
    compactionInterval: Duration? = .seconds(300),
    limits: APIServerLimits = APIServerLimits(), logger: Logger = Logger(label: "apiserver")
  ) {
    self.clusterName = clusterName
    self.serviceRange = serviceRange
    self.nodePortRange = nodePortRange
    self.prefix = prefix
    self.advertiseAddress = advertiseAddress
    self.advertisePort = advertisePort
    self.authorizer = authorizer
    self.health = health
    self.clock = clock
    self.seed = seed
    self.leaderWait = leaderWait
    self.compactionInterval = compactionInterval
    self.limits = limits
    self.logger = logger
  }
}
