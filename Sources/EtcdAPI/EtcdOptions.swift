import Keyspace
import Primitives

/// What etcd lets its operator choose about the client API; each says which of etcd's flags it is.
public struct EtcdOptions: Sendable {
  /// Bytes of keys and values at which puts are refused and the NOSPACE alarm is raised (`--quota-backend-bytes`). 0: etcd's 2 GiB;
  /// negative: no limit.
  public var quotaBackendBytes: Int64 = 0
  /// Bytes of one request (`--max-request-bytes`). More than the store itself takes (`StoreConfiguration.requestLimits`) is refused by it.
  public var maxRequestBytes: Int = KeyspaceLimits.requestBytes
  /// Operations of one transaction (`--max-txn-ops`); likewise.
  public var maxTransactionOperations: Int = KeyspaceLimits.transactionOperations
  /// Between progress notifications for watches that asked for them (`--watch-progress-notify-interval`).
  public var watchProgressInterval: Duration = .milliseconds(EtcdLimits.progressIntervalMilliseconds)
  /// What `Authenticate` hands out (`--auth-token`).
  public var tokens: EtcdTokens = .simple()
  /// While authentication is on, a caller without a token is the user that its verified client certificate's common name says
  /// (`--client-cert-auth`).
  public var certificateUsers: Bool = true

  public init() {}

  var quota: Int64? { quotaBackendBytes < 0 ? nil : quotaBackendBytes == 0 ? 2 << 30 : quotaBackendBytes }
}
