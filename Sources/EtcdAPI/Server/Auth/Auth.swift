import HTTP
import Keyspace
import Primitives
import TLS

/// etcd's `Auth` service: one handler per method, by its name. Who may call what while authentication is on: `AccessRule`, and
/// `AuthOffice.change` for what changes something.
struct AuthMethod: UnaryMethod {
  typealias Handler = @Sendable (AuthMethod, AuthFields, UnaryCall) throws -> Void
  static let path: String = "/etcdserverpb.Auth/AuthStatus"

  let service: EtcdService
  private let handler: Handler
  var office: AuthOffice { AuthOffice(service: service) }

  init(_ service: EtcdService) { self.init(service) { method, _, call in method.status(call) } }
  init(_ service: EtcdService, _ handler: @escaping Handler) {
    self.service = service
    self.handler = handler
  }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws { try handler(self, try AuthFields(request), call) }

  static let handlers: [String: Handler] = [
    "AuthEnable": { method, _, call in method.change(.enable(tokenKey: SecureRandom.bytes(32)), call) },
    "AuthDisable": { method, _, call in method.change(.disable, call) },
    "AuthStatus": { method, _, call in method.status(call) },
    "Authenticate": { method, fields, call in method.authenticate(fields, call) },
    "UserAdd": { method, fields, call in try method.addUser(fields, call) },
    "UserGet": { method, fields, call in method.getUser(fields, call) },
    "UserList": { method, _, call in method.list(call) { $0.users.keys.map(\.self) } },
    "UserDelete": { method, fields, call in method.change(.deleteUser(name: fields.first), call) },
    "UserChangePassword": { method, fields, call in try method.changePassword(fields, call) },
    "UserGrantRole": { method, fields, call in method.change(.grantRole(user: fields.first, role: fields.second), call) },
    "UserRevokeRole": { method, fields, call in method.change(.revokeRole(user: fields.first, role: fields.second), call) },
    "RoleAdd": { method, fields, call in method.change(.addRole(name: fields.first), call) },
    "RoleGet": { method, fields, call in method.getRole(fields, call) },
    "RoleList": { method, _, call in method.list(call) { $0.roles.keys.map(\.self) } },
    "RoleDelete": { method, fields, call in method.change(.deleteRole(name: fields.first), call) },
    "RoleGrantPermission": { method, fields, call in
      method.change(.grantPermission(role: fields.first, try fields.permission()), call)
    },
    "RoleRevokePermission": { method, fields, call in
      method.change(.revokePermission(role: fields.first, key: fields.secondBytes, end: fields.thirdBytes), call)
    },
  ]

  func change(_ change: AuthChange, _ call: UnaryCall) {
    let (office, credentials): (AuthOffice, Credentials) = (office, call.credentials)
    call.run({ try await office.change(credentials, change) }) { _ in call.answer { service.header().encode(&$0) } }
  }

  private func status(_ call: UnaryCall) {
    let office: AuthOffice = office
    guard service.commandStore != nil else { return call.answer { service.header().encode(&$0) } }
    call.run({ try await office.state() }) { state in
      call.answer { writer in
        service.header().encode(&writer)
        writer.bool(2, state.enabled)
        writer.uint64(3, state.revision)
      }
    }
  }

  private func authenticate(_ fields: AuthFields, _ call: UnaryCall) {
    let (office, name, password): (AuthOffice, String, String) = (office, fields.first, fields.second)
    guard service.commandStore != nil else { return call.fail(GRPCStatus.authenticationDisabled) }
    call.run({ try await office.authenticate(name: name, password: password) }) { token in
      call.answer { writer in
        service.header().encode(&writer)
        writer.string(2, token)
      }
    }
  }

  /// Names of users or roles, for the root role.
  private func list(_ call: UnaryCall, _ names: @escaping @Sendable (AuthState) -> [String]) {
    let (office, service, credentials): (AuthOffice, EtcdService, Credentials) = (office, service, call.credentials)
    guard service.commandStore != nil else { return call.answer { service.header().encode(&$0) } }
    call.run({
      let state: AuthState = try await office.state()
      try service.identify(credentials).requireAdmin()
      return names(state).sorted { Bytes($0).precedes(Bytes($1)) }
    }) { (found: [String]) in
      call.answer { writer in
        service.header().encode(&writer)
        writer.strings(2, found)
      }
    }
  }
}
