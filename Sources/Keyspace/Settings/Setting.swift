import Primitives

/// What the members agree on beside keys: users and roles, alarms. A setting goes through the log and into snapshots as keys do, but has
/// no revision, no history and no watchers, and no range shows it.
public struct Setting: Hashable, Sendable {
  /// 0: never set. Grows by one with every change of this setting.
  public var version: UInt64
  public var value: Bytes

  public init(version: UInt64 = 0, value: Bytes = []) {
    self.version = version
    self.value = value
  }
}

/// Lets a command through only while a setting is as its proposer saw it: what was allowed under older permissions is not carried out
/// under newer ones.
public struct SettingGuard: Hashable, Sendable {
  public var name: String
  public var version: UInt64

  public init(name: String, version: UInt64) {
    self.name = name
    self.version = version
  }
}

/// A store that takes any command and shows its settings: a member of ours, or a `LocalKeyspace`.
public protocol CommandStore: KeyValueStore {
  /// Proposes a command and answers what applying it gave. Throws `.settingChanged` where a guard or the version of a setting does not fit.
  func execute(_ command: KeyspaceCommand) async throws -> CommandResult
  /// As this member has applied it, from any thread, at once; never behind an answer of `execute`.
  func setting(_ name: String) -> Setting
  /// Changes of all settings so far: a number to compare, so that nothing is read or decoded twice.
  var settingsVersion: UInt64 { get }
  /// The keyspace as it is now, at the cost of a few references: for snapshots and hashes. Let go of it soon.
  func copyOfKeyspace() async throws -> Keyspace
}

extension Keyspace {
  public func setting(_ name: String) -> Setting { settings[name] ?? Setting() }

  mutating func set(_ name: String, from version: UInt64, to value: Bytes) throws(KeyspaceError) -> Setting {
    try check(SettingGuard(name: name, version: version))
    if settings[name] == nil, settings.count >= KeyspaceLimits.settings {
      throw KeyspaceError(.tooManyOperations, "there are \(settings.count) settings already, no more are taken")
    }
    let changed = Setting(version: version + 1, value: value)
    settings[name] = changed
    settingsVersion += 1
    return changed
  }

  func check(_ condition: SettingGuard) throws(KeyspaceError) {
    let current: UInt64 = settings[condition.name]?.version ?? 0
    guard current == condition.version else {
      throw KeyspaceError(.settingChanged, "setting \(condition.name) is at version \(current), not \(condition.version): read it again")
    }
  }
}

extension KeyspaceCommand {
  /// The command itself where a guard stands before it.
  public var unguarded: KeyspaceCommand {
    if case .guarded(_, let command) = self { return command }
    return self
  }
}
