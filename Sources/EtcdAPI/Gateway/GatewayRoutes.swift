/// etcd's HTTP paths, each with its method, the messages in and out, and whether answers are a stream.
struct GatewayRoute: Sendable {
  var method: String
  var request: String
  var response: String
  /// The body is a sequence of messages too.
  var streamsIn: Bool = false
  var streamsOut: Bool = false

  /// By path.
  static let all: [String: GatewayRoute] = {
    var routes: [String: GatewayRoute] = [:]
    func add(_ service: String, _ rows: [(path: String, name: String, request: String, response: String)]) {
      for row in rows {
        routes["/v3/" + row.path] = GatewayRoute(method: "/\(service)/\(row.name)", request: row.request, response: row.response)
      }
    }
    add(
      "etcdserverpb.KV",
      [
        ("kv/range", "Range", "RangeRequest", "RangeResponse"), ("kv/put", "Put", "PutRequest", "PutResponse"),
        ("kv/deleterange", "DeleteRange", "DeleteRangeRequest", "DeleteRangeResponse"), ("kv/txn", "Txn", "TxnRequest", "TxnResponse"),
        ("kv/compaction", "Compact", "CompactionRequest", "HeaderOnly"),
      ])
    for prefix in ["lease/", "kv/lease/"] {
      add(
        "etcdserverpb.Lease",
        [
          (prefix + "revoke", "LeaseRevoke", "LeaseID", "HeaderOnly"),
          (prefix + "timetolive", "LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"),
          (prefix + "leases", "LeaseLeases", "Empty", "LeaseLeasesResponse"),
        ])
    }
    add(
      "etcdserverpb.Lease",
      [
        ("lease/grant", "LeaseGrant", "LeaseGrantRequest", "LeaseGrantResponse"),
        ("lease/keepalive", "LeaseKeepAlive", "LeaseID", "LeaseKeepAliveResponse"),
      ])
    add("etcdserverpb.Watch", [("watch", "Watch", "WatchRequest", "WatchResponse")])
    add(
      "etcdserverpb.Cluster",
      [
        ("cluster/member/add", "MemberAdd", "MemberAddRequest", "MemberAddResponse"),
        ("cluster/member/remove", "MemberRemove", "MemberID", "MemberListResponse"),
        ("cluster/member/update", "MemberUpdate", "MemberUpdateRequest", "MemberListResponse"),
        ("cluster/member/list", "MemberList", "MemberListRequest", "MemberListResponse"),
        ("cluster/member/promote", "MemberPromote", "MemberID", "MemberListResponse"),
      ])
    add(
      "etcdserverpb.Maintenance",
      [
        ("maintenance/alarm", "Alarm", "AlarmRequest", "AlarmResponse"), ("maintenance/status", "Status", "Empty", "StatusResponse"),
        ("maintenance/defragment", "Defragment", "Empty", "HeaderOnly"), ("maintenance/hash", "Hash", "Empty", "HashResponse"),
        ("maintenance/hashkv", "HashKV", "HashKVRequest", "HashKVResponse"),
        ("maintenance/snapshot", "Snapshot", "Empty", "SnapshotResponse"),
        ("maintenance/transfer-leadership", "MoveLeader", "MoveLeaderRequest", "HeaderOnly"),
        ("maintenance/downgrade", "Downgrade", "DowngradeRequest", "DowngradeResponse"),
      ])
    add(
      "etcdserverpb.Auth",
      [
        ("auth/enable", "AuthEnable", "Empty", "HeaderOnly"), ("auth/disable", "AuthDisable", "Empty", "HeaderOnly"),
        ("auth/status", "AuthStatus", "Empty", "AuthStatusResponse"),
        ("auth/authenticate", "Authenticate", "AuthenticateRequest", "AuthenticateResponse"),
        ("auth/user/add", "UserAdd", "AuthUserAddRequest", "HeaderOnly"),
        ("auth/user/get", "UserGet", "NameRequest", "AuthUserGetResponse"),
        ("auth/user/list", "UserList", "Empty", "AuthUserListResponse"), ("auth/user/delete", "UserDelete", "NameRequest", "HeaderOnly"),
        ("auth/user/changepw", "UserChangePassword", "AuthUserChangePasswordRequest", "HeaderOnly"),
        ("auth/user/grant", "UserGrantRole", "AuthUserGrantRoleRequest", "HeaderOnly"),
        ("auth/user/revoke", "UserRevokeRole", "AuthUserRevokeRoleRequest", "HeaderOnly"),
        ("auth/role/add", "RoleAdd", "NameRequest", "HeaderOnly"), ("auth/role/get", "RoleGet", "RoleRequest", "AuthRoleGetResponse"),
        ("auth/role/list", "RoleList", "Empty", "AuthRoleListResponse"), ("auth/role/delete", "RoleDelete", "RoleRequest", "HeaderOnly"),
        ("auth/role/grant", "RoleGrantPermission", "AuthRoleGrantPermissionRequest", "HeaderOnly"),
        ("auth/role/revoke", "RoleRevokePermission", "AuthRoleRevokePermissionRequest", "HeaderOnly"),
      ])
    add("v3lockpb.Lock", [("lock/lock", "Lock", "LockRequest", "LockResponse"), ("lock/unlock", "Unlock", "UnlockRequest", "HeaderOnly")])
    add(
      "v3electionpb.Election",
      [
        ("election/campaign", "Campaign", "CampaignRequest", "CampaignResponse"),
        ("election/proclaim", "Proclaim", "ProclaimRequest", "HeaderOnly"), ("election/leader", "Leader", "ElectionName", "LeaderResponse"),
        ("election/observe", "Observe", "ElectionName", "LeaderResponse"), ("election/resign", "Resign", "ResignRequest", "HeaderOnly"),
      ])
    for path in ["watch", "lease/keepalive"] { routes["/v3/" + path]?.streamsIn = true }
    for path in ["watch", "lease/keepalive", "maintenance/snapshot", "election/observe"] { routes["/v3/" + path]?.streamsOut = true }
    return routes
  }()
}
