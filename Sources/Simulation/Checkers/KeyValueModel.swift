import Keyspace
import Primitives

/// What a store is, in the plainest form: every version of every key, leases, members, cities that are not waited for. Knows nothing of
/// `Keyspace`.
struct KeyValueModel {
  struct Version: Hashable {
    var revision: Int64
    /// nil: deleted.
    var value: Bytes?
  }
  struct Event: Hashable {
    var revision: Int64
    var key: Int
    var value: Bytes?
  }
  private(set) var revision: Int64 = 1
  private(set) var compacted: Int64 = 0
  private var versions = [[Version]](repeating: [], count: SimulationLimits.keyCount)
  private(set) var events: [Event] = []
  /// Keys of each lease.
  private(set) var leases: [Int64: Set<Int>] = [:]
  private var leaseOfKey: [Int: Int64] = [:]
  private(set) var members: [MemberRecord] = []
  private(set) var removed: Set<MemberID> = []
  private var degradedSince: [String: Int64] = [:]
  private var restoredAt: [String: Int64] = [:]

  /// A key as it was at a revision.
  func read(_ key: Int, at revision: Int64) -> Version? {
    guard let found = versions[key].last(where: { $0.revision <= revision }), found.value != nil else { return nil }
    return found
  }

  func wasDegraded(_ city: String, since: Int64) -> Bool { degradedSince[city] != nil || (restoredAt[city] ?? -1) >= since }

  /// Before members change for the first time they are the configured ones, in every city.
  func hasMembers(in city: String) -> Bool { members.isEmpty || members.contains { $0.city == city } }

  mutating func run(_ operation: ClientOperation) -> OperationResult {
    switch operation {
    case .put(let key, let value): write([key], value)
    case .putTwo(let key, let other, let value): write([key, other], value)
    case .delete(let key): delete([key])
    case .deleteRange(let first, let end): delete(Array(first..<end))
    case .compareAndPut(let key, let expected, let value):
      let current: Version? = read(key, at: revision)
      guard (current?.revision ?? 0) == expected else {
        return OperationResult(revision: revision, succeeded: false, value: current?.value, modRevision: current?.revision ?? 0)
      }
      write([key], value)
    case .get(let key):
      let current: Version? = read(key, at: revision)
      return OperationResult(revision: revision, value: current?.value, modRevision: current?.revision ?? 0)
    case .compact(let target):
      guard target > compacted, target <= revision else { return OperationResult(revision: revision, succeeded: false) }
      compacted = target
    case .grant(let lease, _):
      guard leases[lease] == nil else { return OperationResult(revision: revision, succeeded: false) }
      leases[lease] = []
    case .revoke(let lease):
      guard revoke(lease) else { return OperationResult(revision: revision, succeeded: false) }
    case .putLeased(let key, let lease, let value):
      guard leases[lease] != nil else { return OperationResult(revision: revision, succeeded: false) }
      write([key], value)
      leaseOfKey[key] = lease
      leases[lease]?.insert(key)
    case .keepAlive: break
    }
    return OperationResult(revision: revision)
  }

  /// What members propose themselves.
  mutating func run(_ command: KeyspaceCommand, now: Int64) {
    switch command {
    case .revokeLease(let lease): _ = revoke(lease)
    case .cluster(.adopt(let records)): if members.isEmpty { members = records }
    case .cluster(.add(let record)): members.append(record)
    case .cluster(.remove(let id)):
      members.removeAll { $0.id == id }
      removed.insert(id)
    case .cluster(.promote(let id)):
      for place in members.indices where members[place].id == id { members[place].role = .voter }
    case .cluster(.degrade(let city, _)): degradedSince[city] = now
    case .cluster(.recover(let recovery, let records)):
      if members.isEmpty { members = records }
      revision = max(recovery.firstRevision, revision + 1)
      compacted = revision
    case .cluster(.restore(let city)):
      degradedSince[city] = nil
      restoredAt[city] = now
    default: break
    }
  }

  private mutating func revoke(_ lease: Int64) -> Bool {
    guard let keys: Set<Int> = leases.removeValue(forKey: lease) else { return false }
    delete(keys.sorted())
    return true
  }

  private mutating func delete(_ keys: [Int]) {
    let found: [Int] = keys.filter { read($0, at: revision) != nil }
    if !found.isEmpty { write(found, nil) }
  }

  private mutating func write(_ keys: [Int], _ value: Bytes?) {
    revision += 1
    for key in keys {
      versions[key].append(Version(revision: revision, value: value))
      events.append(Event(revision: revision, key: key, value: value))
      if let lease: Int64 = leaseOfKey.removeValue(forKey: key) { leases[lease]?.remove(key) }
    }
  }

  /// A member's whole content against the model's at the same revision. `isCurrent`: it has applied all that the model has, so its leases
  /// are the model's, too.
  func compare(_ keyspace: Keyspace, isCurrent: Bool) -> String? {
    let revision: Int64 = keyspace.revision
    guard let response = try? keyspace.range(RangeRequest(KeyRange(key: [0], end: [0]))) else { return "cannot be read" }
    var expected: [Bytes: Version] = [:]
    for key in versions.indices { expected[ClientOperation.key(key)] = read(key, at: revision) }
    for found in response.keyValues {
      guard let version = expected.removeValue(forKey: found.key) else { return "has \(found.key.text), the model has not" }
      guard version.value == found.value, version.revision == found.modRevision else {
        return "has \(found.key.text) as of revision \(found.modRevision), the model as of \(version.revision)"
      }
    }
    if !expected.isEmpty { return "lacks \(expected.count) keys of the model at revision \(revision)" }
    guard isCurrent, keyspace.leases != leases.keys.sorted() else { return nil }
    return "has leases \(keyspace.leases), the model \(leases.keys.sorted())"
  }
}
