import HTTP
import Keyspace
import Primitives

/// Authentication as an etcd answers on which it was never enabled: there are no users and no roles. What would change that is
/// refused by name: who may connect is decided by client certificates here.
struct AuthMethod: UnaryMethod {
  enum Answer: Sendable {
    case empty
    case status(GRPCStatus)
  }
  static let path: String = "/etcdserverpb.Auth/AuthStatus"
  static let answers: [String: Answer] = {
    let userNotFound = GRPCStatus(.failedPrecondition, "etcdserver: user name not found")
    let roleNotFound = GRPCStatus(.failedPrecondition, "etcdserver: role name not found")
    var answers: [String: Answer] = [
      "AuthStatus": .empty, "AuthDisable": .empty, "UserList": .empty, "RoleList": .empty,
      "Authenticate": .status(GRPCStatus(.failedPrecondition, "etcdserver: authentication is not enabled")),
      "UserGet": .status(userNotFound), "UserDelete": .status(userNotFound), "UserChangePassword": .status(userNotFound),
      "UserGrantRole": .status(userNotFound), "UserRevokeRole": .status(userNotFound),
      "RoleGet": .status(roleNotFound), "RoleDelete": .status(roleNotFound), "RoleGrantPermission": .status(roleNotFound),
      "RoleRevokePermission": .status(roleNotFound),
    ]
    for name in ["AuthEnable", "UserAdd", "RoleAdd"] { answers[name] = .status(EtcdError.unsupported(name)) }
    return answers
  }()

  private let service: EtcdService
  private let reply: Answer
  init(_ service: EtcdService) { self.init(service, .empty) }
  init(_ service: EtcdService, _ answer: Answer) {
    self.service = service
    reply = answer
  }

  func handle(_ request: ProtobufReader, _ call: UnaryCall) throws {
    switch reply {
    case .empty: call.answer { service.header().encode(&$0) }
    case .status(let status): throw status
    }
  }
}
