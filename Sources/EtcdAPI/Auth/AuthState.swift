import HTTP
import Primitives

/// Users, roles and what roles may do (etcd `authpb`): one value, replicated as the setting `auth`.
struct AuthState: Hashable, Sendable {
  static let root: String = "root"

  var enabled: Bool = false
  /// Grows with every change; etcd's begins at 1 too.
  var revision: UInt64 = 1
  /// Signs simple tokens. Made anew by each enabling, so that tokens from before are worth nothing.
  var tokenKey: Bytes = []
  var users: [String: AuthUser] = [:]
  var roles: [String: [AuthPermission]] = [:]
}

struct AuthUser: Hashable, Sendable {
  /// `PasswordHash`; empty for a user without a password, whom only a certificate can identify.
  var password: Bytes = []
  var noPassword: Bool = false
  /// The revision of the user's making or last change of password: older tokens are worth nothing.
  var generation: UInt64 = 0
  /// Ascending.
  var roles: [String] = []
}

struct AuthPermission: Hashable, Sendable {
  enum Kind: UInt8, Sendable { case read, write, readWrite }
  var kind: Kind
  var key: Bytes
  /// As on the wire: empty for the one key, a zero byte for everything from `key` on.
  var end: Bytes

  /// etcd's rules: a key, and an end behind it or none or open.
  var isValid: Bool {
    guard !key.isEmpty else { return false }
    return end.isEmpty || end == [0] || key.precedes(end)
  }
}

/// One change of users and roles; passwords are hashed before, since that takes long.
enum AuthChange: Sendable {
  case enable(tokenKey: Bytes)
  case disable
  case addUser(name: String, password: Bytes, noPassword: Bool)
  case deleteUser(name: String)
  case changePassword(name: String, password: Bytes)
  case grantRole(user: String, role: String)
  case revokeRole(user: String, role: String)
  case addRole(name: String)
  case deleteRole(name: String)
  case grantPermission(role: String, AuthPermission?)
  case revokePermission(role: String, key: Bytes, end: Bytes)
}

extension AuthState {
  /// Carries a change out, or throws etcd's refusal. False: it is so already, nothing changed.
  mutating func apply(_ change: AuthChange) throws(GRPCStatus) -> Bool {
    switch change {
    case .enable(let key):
      if enabled { return false }
      guard let root: AuthUser = users[Self.root] else { throw .rootUserMissing }
      guard root.roles.contains(Self.root) else { throw .rootRoleMissing }
      enabled = true
      tokenKey = key
      // Enabling is no revision of its own, as in etcd.
      return true
    case .disable:
      if !enabled { return false }
      enabled = false
    case .addUser(let name, let password, let noPassword):
      guard !name.isEmpty else { throw .userEmpty }
      guard users[name] == nil else { throw .userExists }
      users[name] = AuthUser(password: noPassword ? [] : password, noPassword: noPassword, generation: revision + 1)
    case .deleteUser(let name):
      guard !enabled || name != Self.root else { throw .invalidManagement }
      guard users.removeValue(forKey: name) != nil else { throw .userNotFound }
    case .changePassword(let name, let password):
      guard let user: AuthUser = users[name] else { throw .userNotFound }
      if !user.noPassword { users[name]?.password = password }
      users[name]?.generation = revision + 1
    case .grantRole(let name, let role):
      guard let user: AuthUser = users[name] else { throw .userNotFound }
      guard role == Self.root || roles[role] != nil else { throw .roleNotFound }
      if user.roles.contains(role) { return false }
      users[name]?.roles = (user.roles + [role]).sorted { Bytes($0).precedes(Bytes($1)) }
    case .revokeRole(let name, let role):
      guard !enabled || name != Self.root || role != Self.root else { throw .invalidManagement }
      guard let user: AuthUser = users[name] else { throw .userNotFound }
      guard user.roles.contains(role) else { throw .roleNotGranted }
      users[name]?.roles.removeAll { $0 == role }
    case .addRole(let name):
      guard !name.isEmpty else { throw .roleEmpty }
      guard roles[name] == nil else { throw .roleExists }
      roles[name] = []
    case .deleteRole(let name):
      guard !enabled || name != Self.root else { throw .invalidManagement }
      guard roles.removeValue(forKey: name) != nil else { throw .roleNotFound }
      for user in users.keys { users[user]?.roles.removeAll { $0 == name } }
    case .grantPermission(let role, let permission):
      guard let permission else { throw .permissionNotGiven }
      guard permission.isValid else { throw .invalidManagement }
      guard var granted: [AuthPermission] = roles[role] else { throw .roleNotFound }
      granted.removeAll { $0.key == permission.key && $0.end == permission.end }
      granted.append(permission)
      granted.sort { $0.key.precedes($1.key) || ($0.key == $1.key && $0.end.precedes($1.end)) }
      roles[role] = granted
    case .revokePermission(let role, let key, let end):
      guard let granted: [AuthPermission] = roles[role] else { throw .roleNotFound }
      let kept: [AuthPermission] = granted.filter { $0.key != key || $0.end != end }
      guard kept.count < granted.count else { throw .permissionNotGranted }
      roles[role] = kept
    }
    revision += 1
    return true
  }
}
