import HTTP
import Keyspace
import Primitives
import TLS

extension AuthMethod {
  func addUser(_ fields: AuthFields, _ call: UnaryCall) throws {
    let hashed: Bytes? = try Self.hash(fields.fourth, password: fields.second)
    let noPassword: Bool = try fields.noPassword()
    // etcd's refusal of an empty name comes before the 50 ms of a hash.
    guard !fields.first.isEmpty else { throw GRPCStatus.userEmpty }
    let (office, credentials, name, password): (AuthOffice, Credentials, String, String) = (
      office, call.credentials, fields.first, fields.second
    )
    call.run({
      let kept: Bytes
      if noPassword { kept = [] } else if let hashed { kept = hashed } else { kept = try await AuthOffice.hash(password) }
      try await office.change(credentials, .addUser(name: name, password: kept, noPassword: noPassword))
    }) { _ in call.answer { service.header().encode(&$0) } }
  }

  func changePassword(_ fields: AuthFields, _ call: UnaryCall) throws {
    let hashed: Bytes? = try Self.hash(fields.third, password: fields.second)
    let (office, credentials, name, password): (AuthOffice, Credentials, String, String) = (
      office, call.credentials, fields.first, fields.second
    )
    call.run({
      let kept: Bytes = if let hashed { hashed } else { try await AuthOffice.hash(password) }
      try await office.change(credentials, .changePassword(name: name, password: kept))
    }) { _ in call.answer { service.header().encode(&$0) } }
  }

  /// A password that comes as its bcrypt hash, in base64, and without the password itself, which has the last word (as in etcd). etcd
  /// writes the field for its own members and makes a user with an empty password of a client's; here it means what it says. nil: there
  /// is none.
  private static func hash(_ text: String, password: String) throws -> Bytes? {
    guard !text.isEmpty, password.isEmpty else { return nil }
    guard let hash: Bytes = Base64.decode(Bytes(text)), PasswordHash.isBcrypt(hash) else {
      throw GRPCStatus(.invalidArgument, "etcdserver: hashedPassword is no bcrypt hash in base64")
    }
    return hash
  }

  /// For the root role, and for the user itself.
  func getUser(_ fields: AuthFields, _ call: UnaryCall) {
    let (office, service, credentials, name): (AuthOffice, EtcdService, Credentials, String) = (
      office, service, call.credentials, fields.first
    )
    guard service.commandStore != nil else { return call.fail(GRPCStatus.userNotFound) }
    call.run({
      let state: AuthState = try await office.state()
      let caller: Caller = try service.identify(credentials)
      if caller.name != name { try caller.requireAdmin() }
      guard let user: AuthUser = state.users[name] else { throw GRPCStatus.userNotFound }
      return user.roles
    }) { (roles: [String]) in
      call.answer { writer in
        service.header().encode(&writer)
        writer.strings(2, roles)
      }
    }
  }

  /// For the root role, and for users who have it.
  func getRole(_ fields: AuthFields, _ call: UnaryCall) {
    let (office, service, credentials, name): (AuthOffice, EtcdService, Credentials, String) = (
      office, service, call.credentials, fields.first
    )
    guard service.commandStore != nil else { return call.fail(GRPCStatus.roleNotFound) }
    call.run({
      let state: AuthState = try await office.state()
      let caller: Caller = try service.identify(credentials)
      if !(caller.name.flatMap { state.users[$0] }?.roles.contains(name) ?? false) { try caller.requireAdmin() }
      guard let permissions: [AuthPermission] = state.roles[name] else { throw GRPCStatus.roleNotFound }
      // The root role may do everything, whatever was granted to it.
      return name == AuthState.root ? [AuthPermission(kind: .readWrite, key: [], end: [0])] : permissions
    }) { (permissions: [AuthPermission]) in
      call.answer { writer in
        service.header().encode(&writer)
        for permission in permissions { writer.message(2) { permission.encode(&$0) } }
      }
    }
  }
}

extension AuthPermission {
  func encode(_ writer: inout ProtobufWriter) {
    writer.int32(1, Int32(kind.rawValue))
    writer.bytes(2, key)
    writer.bytes(3, end)
  }

  init(_ reader: ProtobufReader) throws {
    self.init(kind: .read, key: [], end: [])
    var reader: ProtobufReader = reader
    while let field = try reader.next() {
      switch field.number {
      case 1:
        let value: Int32 = try reader.int32(field)
        guard value >= 0, let known = Kind(rawValue: UInt8(clamping: value)) else { throw GRPCStatus.invalidManagement }
        kind = known
      case 2: key = try reader.bytes(field)
      case 3: end = try reader.bytes(field)
      default: try reader.skip(field)
      }
    }
  }
}
