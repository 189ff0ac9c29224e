import Primitives

/// What the log carries for the keyspace. Everything that a member decides by itself (clock, random) is decided before it becomes
/// a command: lease ids are chosen, expiry is a revocation.
public indirect enum KeyspaceCommand: Hashable, Sendable {
  /// Changes a setting if it still is at `version`.
  case set(name: String, version: UInt64, value: Bytes)
  /// Any command but another guarded one.
  case guarded(SettingGuard, KeyspaceCommand)
  case transaction(TransactionRequest)
  case compact(revision: Int64)
  case grantLease(id: Int64, ttlSeconds: Int64)
  case revokeLease(id: Int64)
  /// The leader's word on how much of each lease's time is left, so that the next leader does not give all of it again (etcd's
  /// `LeaseCheckpoint`). Leases that are gone are passed over.
  case checkpointLeases([LeaseCheckpoint])
  /// Concerns the cluster itself: members, durability.
  case cluster(ClusterCommand)

  public static func put(_ request: PutRequest) -> Self { .transaction(TransactionRequest(success: [.put(request)])) }
  public static func delete(_ request: DeleteRequest) -> Self { .transaction(TransactionRequest(success: [.delete(request)])) }
}

public enum CommandResult: Hashable, Sendable {
  case set(Setting, revision: Int64)
  case transaction(TransactionResponse)
  case compacted(revision: Int64)
  case leaseGranted(LeaseGrant, revision: Int64)
  case leaseRevoked(revision: Int64)
  case leasesCheckpointed(revision: Int64)
  case clusterChanged(revision: Int64)

  /// The keyspace's revision after the command.
  public var revision: Int64 {
    switch self {
    case .set(_, let revision): revision
    case .transaction(let response): response.revision
    case .compacted(let revision), .leaseGranted(_, let revision), .leaseRevoked(let revision), .leasesCheckpointed(let revision),
      .clusterChanged(let revision):
      revision
    }
  }
}

extension TransactionRequest {
  /// True if neither branch writes, nested ones included: such a transaction needs no log entry.
  public var isReadOnly: Bool { (success + failure).allSatisfy(\.isReadOnly) }
}

extension Operation {
  var isReadOnly: Bool {
    switch self {
    case .range: true
    case .put, .delete: false
    case .transaction(let request): request.isReadOnly
    }
  }
}
