import HTTP
import Keyspace
import Logging
import NIOCore
import Primitives
import TLS

/// What every method of one server shares.
final class EtcdService: Sendable {
  /// The version of etcd whose contract this is: clients decide by it what they may ask for.
  static let version: String = "3.6.0"

  /// Metadata of ours: how far a write must have come before it is acknowledged.
  static let durabilityMetadata: String = "tricenter-durability"

  let store: any KeyValueStore
  let loopStore: (any LoopStore)?
  /// nil: a store without settings, where nobody can enable authentication or raise an alarm.
  let commandStore: (any CommandStore)?
  let directory: any MemberDirectory
  let options: EtcdOptions
  let settings: SettingsView
  let metrics: EtcdMetrics
  let clock: any TimeSource
  let logger: Logger

  init(
    store: any KeyValueStore, directory: any MemberDirectory, options: EtcdOptions = EtcdOptions(), clock: any TimeSource = SystemClock(),
    logger: Logger
  ) {
    self.store = store
    loopStore = store as? any LoopStore
    commandStore = store as? any CommandStore
    self.directory = directory
    self.options = options
    self.clock = clock
    self.logger = logger
    settings = SettingsView(commandStore)
    metrics = EtcdMetrics(member: directory.memberID, quota: options.quota)
  }

  /// `revision`: the one that the request was served at; nil where only the newest is known.
  func header(revision: Int64? = nil) -> ResponseHeader {
    ResponseHeader(
      clusterID: directory.clusterID, memberID: directory.memberID.value, revision: revision ?? directory.revision,
      raftTerm: directory.raftTerm)
  }

  /// Who calls. Throws `invalidToken`.
  func identify(_ credentials: Credentials) throws -> Caller {
    let settings: ClusterSettings = settings.current()
    if let reason: String = settings.unreadable {
      throw GRPCStatus(.unavailable, "etcdserver: users and alarms cannot be read (\(reason)): nobody is let in")
    }
    guard let tables: AuthTables = settings.auth, tables.state.enabled else { return .unrestricted }
    guard let token: String = credentials.token else {
      return Caller(tables: tables, version: settings.authVersion, name: options.certificateUsers ? credentials.commonName : nil)
    }
    let claims: TokenClaims? =
      switch options.tokens {
      case .simple: SimpleToken.verify(token, key: tables.state.tokenKey, now: clock.wall())
      case .jwt(let tokens): tokens.verify(token, now: clock.wall())
      }
    guard let claims else { throw GRPCStatus.invalidToken }
    if let generation: UInt64 = claims.generation, tables.state.users[claims.user]?.generation != generation {
      throw GRPCStatus.invalidToken
    }
    return Caller(tables: tables, version: settings.authVersion, name: claims.user)
  }
}
