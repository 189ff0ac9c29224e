import HTTP

/// Refusals that no `KeyspaceError` stands for (etcd `api/v3rpc/rpctypes/error.go`): clients know them by the text.
extension GRPCStatus {
  static let noSpace = GRPCStatus(.resourceExhausted, "etcdserver: mvcc: database space exceeded")
  static let corrupt = GRPCStatus(.dataLoss, "etcdserver: corrupt cluster")
  static let requestTooLarge = GRPCStatus(.invalidArgument, "etcdserver: request is too large")
  static let tooManyOperations = GRPCStatus(.invalidArgument, "etcdserver: too many operations in txn request")

  static let rootUserMissing = GRPCStatus(.failedPrecondition, "etcdserver: root user does not exist")
  static let rootRoleMissing = GRPCStatus(.failedPrecondition, "etcdserver: root user does not have root role")
  static let userExists = GRPCStatus(.failedPrecondition, "etcdserver: user name already exists")
  static let userEmpty = GRPCStatus(.invalidArgument, "etcdserver: user name is empty")
  static let userNotFound = GRPCStatus(.failedPrecondition, "etcdserver: user name not found")
  static let roleExists = GRPCStatus(.failedPrecondition, "etcdserver: role name already exists")
  static let roleNotFound = GRPCStatus(.failedPrecondition, "etcdserver: role name not found")
  static let roleEmpty = GRPCStatus(.invalidArgument, "etcdserver: role name is empty")
  static let authenticationFailed = GRPCStatus(
    .invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
  static let permissionNotGiven = GRPCStatus(.invalidArgument, "etcdserver: permission not given")
  static let denied = GRPCStatus(.permissionDenied, "etcdserver: permission denied")
  static let roleNotGranted = GRPCStatus(.failedPrecondition, "etcdserver: role is not granted to the user")
  static let permissionNotGranted = GRPCStatus(.failedPrecondition, "etcdserver: permission is not granted to the role")
  static let authenticationDisabled = GRPCStatus(.failedPrecondition, "etcdserver: authentication is not enabled")
  static let invalidToken = GRPCStatus(.unauthenticated, "etcdserver: invalid auth token")
  static let invalidManagement = GRPCStatus(.invalidArgument, "etcdserver: invalid auth management")
  static let oldAuthRevision = GRPCStatus(.invalidArgument, "etcdserver: revision of auth store is old")

  static let wrongDowngradeFormat = GRPCStatus(.invalidArgument, "etcdserver: wrong downgrade target version format")
  static let invalidDowngradeTarget = GRPCStatus(.invalidArgument, "etcdserver: invalid downgrade target version")

  static let electionNoLeader = GRPCStatus(.unknown, "election: no leader")
  static let electionNotLeader = GRPCStatus(.unknown, "election: not leader")
  static let leaderFieldMissing = GRPCStatus(.unknown, "\"leader\" field must be provided")
  static let sessionExpired = GRPCStatus(.unknown, "mutex: session is expired")
}
