import HTTP
import Keyspace
import NIOPosix
import Primitives
import Synchronization
import TLS

/// Changes users and roles, and checks passwords.
struct AuthOffice: Sendable {
  private static let waiting = Atomic<Int>(0)
  private static let threads: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: EtcdLimits.passwordsAtOnce)
    pool.start()
    return pool
  }()
  let service: EtcdService

  private var store: any CommandStore {
    get throws {
      guard let store: any CommandStore = service.commandStore else { throw EtcdError.unsupported("Authentication") }
      return store
    }
  }

  /// Carries a change out as one caller, who needs the root role while authentication is on. Tried again when somebody else changed
  /// something meanwhile, with the permissions as they are then.
  func change(_ credentials: Credentials, _ change: AuthChange) async throws {
    let store: any CommandStore = try store
    for _ in 0..<EtcdLimits.settingAttempts {
      let setting: Setting = try await current(store)
      try service.identify(credentials).requireAdmin()
      var state: AuthState = setting.version > 0 ? try AuthState(setting.value) : AuthState()
      guard try state.apply(change) else { return }
      do {
        _ = try await store.execute(.set(name: AuthState.settingName, version: setting.version, value: state.encode()))
        return
      } catch let error as KeyspaceError where error.code == .settingChanged {
        continue
      }
    }
    throw GRPCStatus.oldAuthRevision
  }

  /// Users and roles behind everything that was acknowledged.
  func state() async throws -> AuthState {
    let setting: Setting = try await current(try store)
    return setting.version > 0 ? try AuthState(setting.value) : AuthState()
  }

  private func current(_ store: any CommandStore) async throws -> Setting {
    _ = try await store.range(RangeRequest(key: [0]))
    return store.setting(AuthState.settingName)
  }

  func authenticate(name: String, password: String) async throws -> String {
    let state: AuthState = try await state()
    guard state.enabled else { throw GRPCStatus.authenticationDisabled }
    let user: AuthUser? = state.users[name].flatMap { $0.noPassword ? nil : $0 }
    // Who does not exist takes as long as a wrong password.
    let kept: Bytes = user?.password ?? Self.nobody
    let right: Bool = try await Self.onThread { PasswordHash.matches(Bytes(password), kept) }
    guard let user, right else { throw GRPCStatus.authenticationFailed }
    switch service.options.tokens {
    case .simple(let lifetime):
      var expires: WallTime = service.clock.wall()
      expires.secondsSince1970 += lifetime.inNanoseconds / 1_000_000_000
      return SimpleToken.make(user: name, generation: user.generation, key: state.tokenKey, expires: expires)
    case .jwt(let tokens):
      guard let token: String = tokens.make(user: name, revision: state.revision, now: service.clock.wall()) else {
        throw GRPCStatus(.unknown, "auth: token signing attempted with verify-only key")
      }
      return token
    }
  }

  private static let nobody: Bytes = PasswordHash.make(SecureRandom.bytes(16))

  static func hash(_ password: String) async throws -> Bytes { try await onThread { PasswordHash.make(Bytes(password)) } }

  private static func onThread<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
    guard waiting.add(1, ordering: .relaxed).newValue <= EtcdLimits.waitingPasswords else {
      waiting.subtract(1, ordering: .relaxed)
      throw KeyspaceError(.tooManyRequests, "more passwords wait to be checked than this member takes")
    }
    defer { waiting.subtract(1, ordering: .relaxed) }
    return try await threads.runIfActive(work)
  }
}
