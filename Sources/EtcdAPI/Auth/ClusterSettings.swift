import Keyspace
import Primitives
import Synchronization

/// The settings that the client API reads at every call, decoded once per change.
struct ClusterSettings: Sendable {
  /// nil: no user was ever made.
  var auth: AuthTables?
  var authVersion: UInt64 = 0
  var alarms = Alarms()
  var alarmsVersion: UInt64 = 0
  /// A setting that this version cannot read: nobody is let in.
  var unreadable: String?

  static let none = ClusterSettings()
}

final class SettingsView: Sendable {
  private let store: (any CommandStore)?
  private let cache: Mutex<(version: UInt64, settings: ClusterSettings)> = Mutex((0, .none))

  init(_ store: (any CommandStore)?) { self.store = store }

  /// Nobody ever made a user or raised an alarm: one load, for the hot path.
  var isQuiet: Bool { (store?.settingsVersion ?? 0) == 0 }

  func current() -> ClusterSettings {
    guard let store else { return .none }
    let version: UInt64 = store.settingsVersion
    if version == 0 { return .none }
    if let known: ClusterSettings = cache.withLock({ $0.version == version ? $0.settings : nil }) { return known }
    let settings: ClusterSettings = read(store)
    cache.withLock { if version > $0.version { $0 = (version, settings) } }
    return settings
  }

  private func read(_ store: any CommandStore) -> ClusterSettings {
    var settings = ClusterSettings()
    let (auth, alarms): (Setting, Setting) = (store.setting(AuthState.settingName), store.setting(Alarms.settingName))
    (settings.authVersion, settings.alarmsVersion) = (auth.version, alarms.version)
    do throws(MalformedBytes) {
      if auth.version > 0 { settings.auth = AuthTables(try AuthState(auth.value)) }
      if alarms.version > 0 { settings.alarms = try Alarms(alarms.value) }
    } catch {
      settings.unreadable = "\(error)"
    }
    return settings
  }
}
