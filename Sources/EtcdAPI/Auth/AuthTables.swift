import Primitives

/// `AuthState` made ready for questions: every user's permissions over all roles.
final class AuthTables: Sendable {
  struct Rights: Sendable {
    var isRoot: Bool
    var readable: PermittedRanges
    var writable: PermittedRanges
  }
  let state: AuthState
  private let rights: [String: Rights]

  init(_ state: AuthState) {
    self.state = state
    rights = state.users.mapValues { user in
      let granted: [AuthPermission] = user.roles.flatMap { state.roles[$0] ?? [] }
      return Rights(
        isRoot: user.roles.contains(AuthState.root), readable: PermittedRanges(granted.filter { $0.kind != .write }),
        writable: PermittedRanges(granted.filter { $0.kind != .read }))
    }
  }

  /// nil: there is no such user.
  func rights(of user: String) -> Rights? { rights[user] }
}
