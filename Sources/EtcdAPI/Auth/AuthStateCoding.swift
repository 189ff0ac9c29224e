import Primitives

/// The setting's form: version 1, then fields; names ascending. Strict: what does not fit is malformed, and then nobody is let in.
extension AuthState {
  static let settingName: String = "auth"

  func encode() -> Bytes {
    var writer = ByteWriter()
    writer.byte(1)
    writer.byte(enabled ? 1 : 0)
    writer.unsigned(revision)
    writer.block(tokenKey)
    writer.count(users.count)
    for (name, user) in users.sorted(by: { Bytes($0.key).precedes(Bytes($1.key)) }) {
      writer.block(Bytes(name))
      writer.block(user.password)
      writer.byte(user.noPassword ? 1 : 0)
      writer.unsigned(user.generation)
      writer.count(user.roles.count)
      for role in user.roles { writer.block(Bytes(role)) }
    }
    writer.count(roles.count)
    for (name, permissions) in roles.sorted(by: { Bytes($0.key).precedes(Bytes($1.key)) }) {
      writer.block(Bytes(name))
      writer.count(permissions.count)
      for permission in permissions {
        writer.byte(permission.kind.rawValue)
        writer.block(permission.key)
        writer.block(permission.end)
      }
    }
    return writer.take()
  }

  init(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    let version: UInt8 = try reader.byte()
    guard version == 1 else { throw reader.malformed("users and roles of version \(version): upgrade this member") }
    enabled = try reader.byte() == 1
    revision = try reader.unsigned()
    tokenKey = try reader.block()
    for _ in 0..<(try reader.count(minimumSize: 5)) {
      let name: String = try Self.name(&reader)
      var user = AuthUser(password: try reader.block(), noPassword: try reader.byte() == 1, generation: try reader.unsigned())
      for _ in 0..<(try reader.count()) { user.roles.append(try Self.name(&reader)) }
      users[name] = user
    }
    for _ in 0..<(try reader.count(minimumSize: 2)) {
      let name: String = try Self.name(&reader)
      var permissions: [AuthPermission] = []
      for _ in 0..<(try reader.count(minimumSize: 3)) {
        guard let kind = AuthPermission.Kind(rawValue: try reader.byte()) else { throw reader.malformed("unknown kind of permission") }
        permissions.append(AuthPermission(kind: kind, key: try reader.block(), end: try reader.block()))
      }
      roles[name] = permissions
    }
    try reader.finish()
  }

  private static func name(_ reader: inout ByteReader) throws(MalformedBytes) -> String {
    guard let name = String(validating: try reader.block(), as: UTF8.self) else { throw reader.malformed("name that is not UTF-8") }
    return name
  }
}
