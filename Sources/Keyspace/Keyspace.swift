import Primitives

/// What one member's state machine computes: keys with their versions, leases, and the history that watches read. A value: no
/// clock, I/O or randomness; the same commands at the same log indexes give the same state on every member. Copying it copies
/// nothing but a few references, which is how snapshots are taken while it goes on.
///
/// Semantics are etcd v3's: an empty store is at revision 1; every transaction that writes makes one revision, whose
/// modifications are numbered from 0 within it; one that changes nothing makes none.
public struct Keyspace: Sendable {
  /// Newest revision.
  public internal(set) var revision: Int64 = 1
  /// Oldest revision that can be read; 0 before the first compaction.
  public internal(set) var compactedRevision: Int64 = 0
  /// The log index up to which this is applied; applying an index again does nothing.
  public internal(set) var appliedIndex: UInt64 = 0
  /// Memory that keys, values and their kept versions take, roughly, in bytes; it shrinks some time after a compaction.
  public internal(set) var sizeBytes: Int = 0
  /// Members and durability: replicated beside the keys.
  public internal(set) var cluster = ClusterState()

  /// By name; see `Setting`.
  public internal(set) var settings: [String: Setting] = [:]
  /// Changes of settings so far.
  public internal(set) var settingsVersion: UInt64 = 0
  var index = OrderedIndex()
  var history = History()
  /// Modifications that compaction passed and whose memory is still to be given back.
  var forgotten: [[Record]] = []
  var leaseTable: [Int64: Lease] = [:]

  /// Where values go that memory shall not hold.
  let values: ValueFiles?
  /// The next leaf whose values are looked at.
  var tidyingLeaf: Int?

  public init(values: ValueFiles? = nil) { self.values = values }

  /// Keys in the index, those counted whose deletion is still readable.
  public var keyCount: Int { index.count }
  /// Bytes of values that are in files.
  public var fileBytes: Int { values?.liveBytes ?? 0 }
  /// Modifications that watches can still read.
  public var historyCount: Int { history.count }

  /// Applies one command of the log. `index` must be the one after the last applied (or later, where entries between
  /// carried no command). Returns nil, and changes nothing, if `index` was applied before. With `valueProblem` set afterwards neither the
  /// result nor this keyspace are of use.
  public mutating func apply(_ command: KeyspaceCommand, at index: UInt64) -> Result<CommandResult, KeyspaceError>? {
    guard index > appliedIndex else { return nil }
    appliedIndex = index
    return Result { () throws(KeyspaceError) in try execute(command) }
  }

  /// Notes that the entries up to `index` carried nothing for the keyspace.
  public mutating func advance(to index: UInt64) { appliedIndex = max(appliedIndex, index) }

  private mutating func execute(_ command: KeyspaceCommand) throws(KeyspaceError) -> CommandResult {
    switch command {
    case .set(let name, let version, let value): return .set(try set(name, from: version, to: value), revision: revision)
    case .guarded(let condition, let command):
      try check(condition)
      return try execute(command)
    case .transaction(let request): return .transaction(try transact(request))
    case .compact(let revision):
      try compact(to: revision)
      return .compacted(revision: self.revision)
    case .grantLease(let id, let ttlSeconds): return .leaseGranted(try grantLease(id: id, ttlSeconds: ttlSeconds), revision: revision)
    case .revokeLease(let id):
      try revokeLease(id: id)
      return .leaseRevoked(revision: revision)
    case .checkpointLeases(let checkpoints):
      checkpointLeases(checkpoints)
      return .leasesCheckpointed(revision: revision)
    case .cluster(let command):
      try cluster.apply(command, at: appliedIndex, revision: revision)
      if case .recover(let recovery, _) = command { try jump(to: recovery.firstRevision) }
      return .clusterChanged(revision: revision)
    }
  }

  /// Revisions only go forward, and what was before reads as compacted (etcd: `--bump-revision --mark-compacted`): who has seen what is
  /// lost reads everything anew.
  private mutating func jump(to first: Int64) throws(KeyspaceError) {
    revision = max(first, revision + 1)
    try compact(to: revision)
  }

  /// Puts `record` in the index and the history. `hint`: where its key was found.
  mutating func write(_ record: Record, near hint: OrderedIndex.Place? = nil) {
    if !forgotten.isEmpty { trim(limit: KeyspaceLimits.trimmedPerWrite) }
    index.append(record, near: hint)
    history.append(record)
    sizeBytes += record.size
  }
}
