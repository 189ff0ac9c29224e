import HTTP
import Keyspace
import Primitives

/// What a method asks of its caller while authentication is on. By path, so that no method can forget it: what is not named here asks
/// for the root role.
enum AccessRule: Sendable {
  /// Nothing.
  case everybody
  /// A user, whoever it is.
  case user
  /// A user, and room under the quota: a lease costs some.
  case leaseGrant
  case admin
  /// The method asks by itself, for the keys it touches.
  case byKeys
  /// A user who may write (or read) every key that hangs on the lease in the request's first field.
  case leaseWriter
  case leaseReader
  /// A user who may read every key of every lease.
  case allLeasesReader

  static func of(_ path: String) -> AccessRule { byPath[path] ?? .admin }

  private static let byPath: [String: AccessRule] = {
    var rules: [String: AccessRule] = [
      "/etcdserverpb.KV/Compact": .admin, "/etcdserverpb.Watch/Watch": .byKeys,
      "/etcdserverpb.Lease/LeaseGrant": .leaseGrant, "/etcdserverpb.Lease/LeaseRevoke": .leaseWriter,
      "/etcdserverpb.Lease/LeaseKeepAlive": .leaseWriter, "/etcdserverpb.Lease/LeaseTimeToLive": .leaseReader,
      "/etcdserverpb.Lease/LeaseLeases": .allLeasesReader,
      "/etcdserverpb.Cluster/MemberList": .user, "/etcdserverpb.Maintenance/Status": .user,
      "/etcdserverpb.Maintenance/Alarm": .byKeys,
      "/etcdserverpb.Auth/Authenticate": .everybody, "/etcdserverpb.Auth/AuthStatus": .admin,
      "/etcdserverpb.Auth/UserGet": .byKeys, "/etcdserverpb.Auth/RoleGet": .byKeys,
      HealthCheckMethod.path: .everybody, HealthWatchMethod.path: .everybody,
      "/v3lockpb.Lock/Lock": .byKeys, "/v3lockpb.Lock/Unlock": .byKeys,
    ]
    for name in ["Range", "RangeStream", "Put", "DeleteRange", "Txn"] { rules["/etcdserverpb.KV/\(name)"] = .byKeys }
    for name in ["Campaign", "Proclaim", "Leader", "Observe", "Resign"] { rules["/v3electionpb.Election/\(name)"] = .byKeys }
    return rules
  }()

  /// What can be said at once. Throws the refusal.
  func check(_ caller: Caller) throws(GRPCStatus) {
    switch self {
    case .everybody, .byKeys: break
    case .user, .leaseGrant, .leaseWriter, .leaseReader, .allLeasesReader: try caller.requireUser()
    case .admin: try caller.requireAdmin()
    }
  }

  /// True where `checkLeases` must be asked too.
  func needsLeases(_ caller: Caller) -> Bool {
    switch self {
    case .leaseWriter, .leaseReader, .allLeasesReader: !caller.isAdmin
    case .everybody, .user, .leaseGrant, .admin, .byKeys: false
    }
  }

  var takesSpace: Bool {
    if case .leaseGrant = self { return true }
    return false
  }

  func checkLeases(_ request: ProtobufReader, _ caller: Caller, _ store: any CommandStore) async throws {
    let keyspace: Keyspace = try await store.copyOfKeyspace()
    if case .allLeasesReader = self {
      for id in keyspace.leases { for key in keyspace.leaseKeys(id) { try caller.mayRead(KeyRange(key: key)) } }
      return
    }
    var reader: ProtobufReader = request
    var (id, second): (Int64, Bool) = (0, false)
    while let field = try reader.next() {
      switch field.number {
      case 1: id = try reader.int64(field)
      case 2: second = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
    for key in keyspace.leaseKeys(id) {
      if case .leaseWriter = self {
        try caller.mayWrite(KeyRange(key: key))
      } else if second {
        // Only who asks for the keys must be allowed to see them.
        try caller.mayRead(KeyRange(key: key))
      }
    }
  }
}
