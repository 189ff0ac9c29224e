import HTTP
import Keyspace
import Primitives

extension AuthMethod {
  func addUser(_ fields: AuthFields, _ call: UnaryCall) throws {
    guard fields.fourth.isEmpty else { throw EtcdError.unsupported("UserAdd with hashedPassword") }
    let noPassword: Bool = try fields.noPassword()
    // etcd's refusal of an empty name comes before the 50 ms of a hash.
    guard !fields.first.isEmpty else { throw GRPCStatus.userEmpty }
    let (office, credentials, name, password): (AuthOffice, Credentials, String, String) = (
      office, call.credentials, fields.first, fields.second
    )
    call.run({
      let kept: Bytes = noPassword ? [] : try await AuthOffice.hash(password)
      try await office.change(credentials, .addUser(name: name, password: kept, noPassword: noPassword))
    }) { _ in call.answer { service.header().encode(&$0) } }
  }

  func changePassword(_ fields: AuthFields, _ call: UnaryCall) throws {
    guard fields.thirdBytes.isEmpty else { throw EtcdError.unsupported("UserChangePassword with hashedPassword") }
    let (office, credentials, name, password): (AuthOffice, Credentials, String, String) = (
      office, call.credentials, fields.first, fields.second
    )
    call.run({ try await office.change(credentials, .changePassword(name: name, password: try await AuthOffice.hash(password))) }) { _ in
      call.answer { service.header().encode(&$0) }
    }
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
