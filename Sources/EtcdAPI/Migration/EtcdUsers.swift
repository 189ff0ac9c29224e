import HTTP
import NIOCore
import Primitives
import TLS

/// etcd's users and roles (`auth.proto`) on their way into `AuthState`. Passwords stay the bcrypt hashes that they are; `PasswordHash`
/// knows them.
struct EtcdUsers {
  private var found = AuthState()
  private var isThere: Bool = false

  /// nil: there are none, and nobody ever enabled authentication.
  var state: AuthState? {
    guard isThere, found != AuthState() else { return nil }
    var state: AuthState = found
    if state.enabled { state.tokenKey = SecureRandom.bytes(32) }
    for name in state.users.keys { state.users[name]?.generation = state.revision }
    return state
  }

  mutating func add(_ bucket: String, _ key: Bytes, _ value: Bytes) throws {
    isThere = true
    switch (bucket, key.text) {
    case ("auth", "authEnabled"): found.enabled = value == [1]
    case ("auth", "authRevision"):
      guard value.count == 8 else { throw ProtobufError(.truncated, "It is no number of 64 bits.") }
      found.revision = max(1, value.reduce(0) { $0 << 8 | UInt64($1) })
    case ("authUsers", _):
      let (name, user): (String, AuthUser) = try Self.user(value)
      found.users[name] = user
    case ("authRoles", _):
      let (name, permissions): (String, [AuthPermission]) = try Self.role(value)
      found.roles[name] = permissions
    default: break
    }
  }

  /// User: name 1, password 2, roles 3, options 4 (no_password 1).
  private static func user(_ value: Bytes) throws -> (String, AuthUser) {
    var reader = ProtobufReader(ByteBuffer(bytes: value))
    var (name, user): (String, AuthUser) = ("", AuthUser())
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.string(field)
      case 2: user.password = try reader.bytes(field)
      case 3: user.roles.append(try reader.string(field))
      case 4:
        var options: ProtobufReader = try reader.message(field)
        while let option = try options.next() {
          if option.number == 1 { user.noPassword = try options.bool(option) } else { try options.skip(option) }
        }
      default: try reader.skip(field)
      }
    }
    guard !name.isEmpty else { throw ProtobufError(.badText, "A user has no name.") }
    if user.noPassword { user.password = [] }
    user.roles.sort { Bytes($0).precedes(Bytes($1)) }
    return (name, user)
  }

  /// Role: name 1, keyPermission 2.
  private static func role(_ value: Bytes) throws -> (String, [AuthPermission]) {
    var reader = ProtobufReader(ByteBuffer(bytes: value))
    var (name, permissions): (String, [AuthPermission]) = ("", [])
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try reader.string(field)
      case 2: permissions.append(try AuthPermission(try reader.message(field)))
      default: try reader.skip(field)
      }
    }
    guard !name.isEmpty else { throw ProtobufError(.badText, "A role has no name.") }
    permissions.sort { $0.key.precedes($1.key) || ($0.key == $1.key && $0.end.precedes($1.end)) }
    return (name, permissions)
  }
}
