import Keyspace
import Primitives
import Testing

@Suite struct SettingTests {
  private func apply(_ command: KeyspaceCommand, _ keyspace: inout Keyspace) throws -> CommandResult {
    let result: Result<CommandResult, KeyspaceError>? = keyspace.apply(command, at: keyspace.appliedIndex + 1)
    return try #require(result).get()
  }

  @Test func aSettingChangesOnlyFromTheVersionThatWasSeen() throws {
    var keyspace = Keyspace()
    #expect(
      try apply(.set(name: "auth", version: 0, value: [1]), &keyspace) == .set(Setting(version: 1, value: [1]), revision: 1))
    #expect(throws: KeyspaceError(.settingChanged, "")) { try apply(.set(name: "auth", version: 0, value: [2]), &keyspace) }
    _ = try apply(.set(name: "auth", version: 1, value: [3]), &keyspace)
    #expect(keyspace.setting("auth") == Setting(version: 2, value: [3]) && keyspace.settingsVersion == 2)
    #expect(keyspace.setting("other") == Setting() && keyspace.revision == 1)
  }

  @Test func aGuardStopsWhatWasAllowedBefore() throws {
    var keyspace = Keyspace()
    _ = try apply(.set(name: "auth", version: 0, value: []), &keyspace)
    let put = KeyspaceCommand.put(PutRequest(key: [1], value: [2]))
    #expect(throws: KeyspaceError(.settingChanged, "")) {
      try apply(.guarded(SettingGuard(name: "auth", version: 0), put), &keyspace)
    }
    #expect(keyspace.revision == 1)
    _ = try apply(.guarded(SettingGuard(name: "auth", version: 1), put), &keyspace)
    #expect(keyspace.revision == 2)
    let twice = KeyspaceCommand.guarded(SettingGuard(name: "a", version: 0), .guarded(SettingGuard(name: "b", version: 0), put))
    #expect(throws: KeyspaceError(.malformed, "")) { try twice.check() }
    #expect(throws: KeyspaceError(.malformed, "")) { try KeyspaceCommand.decode(twice.encode()) }
  }

  @Test func logFormAndSnapshotKeepThem() throws {
    let commands: [KeyspaceCommand] = [
      .set(name: "auth", version: 0, value: Bytes("users")), .set(name: "alarms", version: 0, value: []),
      .set(name: "auth", version: 1, value: Bytes("more")),
      .guarded(SettingGuard(name: "auth", version: 2), .put(PutRequest(key: [1], value: [2]))),
      .guarded(SettingGuard(name: "auth", version: 2), .grantLease(id: 7, ttlSeconds: 9)),
    ]
    var keyspace = Keyspace()
    for command in commands {
      let bytes: Bytes = command.encode()
      #expect(try KeyspaceCommand.decode(bytes) == command)
      _ = try apply(command, &keyspace)
    }
    var encoder = SnapshotEncoder(keyspace)
    var decoder = SnapshotDecoder()
    while let frame: Bytes = try encoder.next() { try decoder.consume(frame) }
    let back: Keyspace = try decoder.finish()
    #expect(back.settings == keyspace.settings && back.settingsVersion == 3 && back.leases == [7])
  }

  @Test func theHashOfARevisionStaysWhatItWas() throws {
    var keyspace = Keyspace()
    _ = try apply(.put(PutRequest(key: [2], value: [2])), &keyspace)
    let hash: UInt32 = try keyspace.hash(revision: 2)
    _ = try apply(.put(PutRequest(key: [1], value: [2])), &keyspace)
    _ = try apply(.put(PutRequest(key: [2], value: [3])), &keyspace)
    #expect(try keyspace.hash(revision: 2) == hash)
    #expect(try keyspace.hash() != hash)
  }
}
