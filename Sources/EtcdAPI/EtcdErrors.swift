import HTTP
import Keyspace
import Primitives

extension Fault<KeyspaceDomain>.Code {
  /// The request must go to the leader.
  public static let notLeader = Self("notLeader")
  public static let badTransferee = Self("badTransferee")
}

/// etcd's errors: gRPC code and text, by which clients know them (etcd `api/v3rpc/rpctypes/error.go`).
enum EtcdError {
  static let table: [(Fault<KeyspaceDomain>.Code, GRPCStatus)] = [
    (.compacted, GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision has been compacted")),
    (.futureRevision, GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision is a future revision")),
    (.emptyKey, GRPCStatus(.invalidArgument, "etcdserver: key is not provided")),
    (.duplicateKey, GRPCStatus(.invalidArgument, "etcdserver: duplicate key given in txn request")),
    (.keyNotFound, GRPCStatus(.invalidArgument, "etcdserver: key not found")),
    (.valueProvided, GRPCStatus(.invalidArgument, "etcdserver: value is provided")),
    (.leaseProvided, GRPCStatus(.invalidArgument, "etcdserver: lease is provided")),
    (.leaseNotFound, GRPCStatus(.notFound, "etcdserver: requested lease not found")),
    (.leaseExists, GRPCStatus(.failedPrecondition, "etcdserver: lease already exists")),
    (.leaseTTLTooLarge, GRPCStatus(.outOfRange, "etcdserver: too large lease TTL")),
    (.tooManyOperations, GRPCStatus(.invalidArgument, "etcdserver: too many operations in txn request")),
    (.requestTooLarge, GRPCStatus(.invalidArgument, "etcdserver: request is too large")),
    (.noLeader, GRPCStatus(.unavailable, "etcdserver: no leader")),
    (.dropped, GRPCStatus(.unavailable, "etcdserver: leader changed")),
    (.timeout, GRPCStatus(.unavailable, "etcdserver: request timed out")),
    (.noSpace, .noSpace),
    (.corrupt, .corrupt),
    (.tooManyRequests, GRPCStatus(.resourceExhausted, "etcdserver: too many requests")),
    (.unavailable, GRPCStatus(.unavailable, "etcdserver: server stopped")),
    (.memberExists, GRPCStatus(.failedPrecondition, "etcdserver: member ID already exist")),
    (.peerURLExists, GRPCStatus(.failedPrecondition, "etcdserver: Peer URLs already exists")),
    (
      .notEnoughStarted,
      GRPCStatus(.failedPrecondition, "etcdserver: re-configuration failed due to not enough started members")
    ),
    (.memberBadURLs, GRPCStatus(.invalidArgument, "etcdserver: given member URLs are invalid")),
    (.memberNotFound, GRPCStatus(.notFound, "etcdserver: member not found")),
    (.memberNotLearner, GRPCStatus(.failedPrecondition, "etcdserver: can only promote a learner member")),
    (
      .learnerNotReady,
      GRPCStatus(.failedPrecondition, "etcdserver: can only promote a learner member which is in sync with leader")
    ),
    (.tooManyLearners, GRPCStatus(.failedPrecondition, "etcdserver: too many learner members in cluster")),
    (.unhealthy, GRPCStatus(.unavailable, "etcdserver: unhealthy cluster")),
    (.notLeader, GRPCStatus(.failedPrecondition, "etcdserver: not leader")),
    (.settingChanged, .oldAuthRevision),
    (.badTransferee, GRPCStatus(.failedPrecondition, "etcdserver: bad leader transferee")),
  ]
  private static let byCode: [Fault<KeyspaceDomain>.Code: GRPCStatus] = Dictionary(uniqueKeysWithValues: table)
  private static let byText: [String: Fault<KeyspaceDomain>.Code] = {
    var codes: [String: Fault<KeyspaceDomain>.Code] = Dictionary(uniqueKeysWithValues: table.map { ($0.1.message, $0.0) })
    codes["etcdserver: request timed out, possibly due to previous leader failure"] = .timeout
    codes["etcdserver: request timed out, possibly due to connection lost"] = .timeout
    return codes
  }()

  /// What a client is told.
  static func status(_ error: any Error) -> GRPCStatus {
    switch error {
    case let status as GRPCStatus: return status
    case let error as KeyspaceError:
      if let status: GRPCStatus = byCode[error.code] { return status }
      if error.code == .cancelled { return GRPCStatus(.cancelled, "etcdserver: \(error.message)") }
      if error.code == .tooManyWatches { return GRPCStatus(.resourceExhausted, "etcdserver: \(error.message)") }
      if error.code == .unsupported { return GRPCStatus(.unimplemented, "etcdserver: \(error.message)") }
      return GRPCStatus(.unknown, "etcdserver: \(error.message)")
    case let error as MalformedBytes: return GRPCStatus(.internal, "etcdserver: \(error)")
    case let error as ProtobufError: return GRPCStatus(.internal, "grpc: error unmarshalling request: \(error.message)")
    case is CancellationError: return GRPCStatus(.cancelled, "context canceled")
    default: return GRPCStatus(.unknown, "etcdserver: \(error)")
    }
  }

  /// What our client makes of a server's or the transport's answer.
  static func keyspaceError(_ error: any Error) -> KeyspaceError {
    switch error {
    case let error as KeyspaceError: return error
    case let status as GRPCStatus:
      if let code: Fault<KeyspaceDomain>.Code = byText[status.message] { return KeyspaceError(code, status.message) }
      switch status.code {
      case .deadlineExceeded: return KeyspaceError(.timeout, status.message, cause: status)
      case .unimplemented: return KeyspaceError(.unsupported, status.message, cause: status)
      case .cancelled: return KeyspaceError(.cancelled, status.message, cause: status)
      default: return KeyspaceError(.unavailable, status.message, cause: status)
      }
    case let error as HTTPError:
      switch error.code {
      case .cancelled: return KeyspaceError(.cancelled, error.message, cause: error)
      case .timeout, .connectionLost: return KeyspaceError(.timeout, error.message, cause: error)
      default: return KeyspaceError(.unavailable, error.message, cause: error)
      }
    case is CancellationError: return KeyspaceError(.cancelled, "The task was cancelled.", cause: error)
    default: return KeyspaceError(.unavailable, "The store's answer cannot be used.", cause: error)
    }
  }

  /// The refusal of a method that etcd has and we do not.
  static func unsupported(_ name: String) -> GRPCStatus {
    GRPCStatus(.unimplemented, "etcdserver: \(name) is not supported by this server")
  }
}
