import Primitives

/// Makes a keyspace of what another store kept: leases, and every key with the versions that are still there. It is written down in the
/// snapshot's own form and read back by `SnapshotDecoder`, so that nothing comes in which a snapshot could not hold.
public struct KeyspaceImport {
  /// One modification of a key. Version 0: the key was deleted.
  public struct Version: Hashable, Sendable {
    public var createRevision: Int64
    public var modRevision: Int64
    /// Place inside the revision, from 0.
    public var sub: Int64
    public var version: Int64
    public var lease: Int64
    public var value: Bytes

    public init(createRevision: Int64, modRevision: Int64, sub: Int64, version: Int64, lease: Int64, value: Bytes) {
      self.createRevision = createRevision
      self.modRevision = modRevision
      self.sub = sub
      self.version = version
      self.lease = lease
      self.value = value
    }

    public static func deletion(at modRevision: Int64, sub: Int64) -> Version {
      Version(createRevision: 0, modRevision: modRevision, sub: sub, version: 0, lease: 0, value: [])
    }
  }

  public struct Lease: Hashable, Sendable {
    public var id: Int64
    public var ttlSeconds: Int64
    /// By its last checkpoint; 0: all of it.
    public var remainingSeconds: Int64

    public init(id: Int64, ttlSeconds: Int64, remainingSeconds: Int64 = 0) {
      self.id = id
      self.ttlSeconds = ttlSeconds
      self.remainingSeconds = remainingSeconds
    }
  }

  private var decoder = SnapshotDecoder()
  private var writer = ByteWriter()
  private var checksum: UInt32 = 0
  private var keys: Int = 0
  private var versions: Int = 0

  /// - Parameters:
  ///   - revision: the newest there was; the next write makes the one after it.
  ///   - leases: in any order, no id twice.
  /// - Throws: `.malformed` for leases that cannot be.
  public init(revision: Int64, settings: [String: Setting] = [:], leases: [Lease]) throws(KeyspaceError) {
    writer.byte(1)
    writer.byte(SnapshotForm.version)
    writer.signed(revision)
    writer.signed(0)
    writer.fixed64(1)
    for (name, setting) in settings.sorted(by: { Bytes($0.key).precedes(Bytes($1.key)) }) {
      writer.byte(7)
      writer.block(Bytes(name))
      writer.unsigned(setting.version)
      writer.block(setting.value)
    }
    for lease in leases.sorted(by: { $0.id < $1.id }) {
      writer.byte(2)
      writer.signed(lease.id)
      writer.signed(lease.ttlSeconds)
      if lease.remainingSeconds > 0, lease.remainingSeconds < lease.ttlSeconds {
        writer.byte(6)
        writer.signed(lease.remainingSeconds)
      }
      if writer.bytes.count >= KeyspaceLimits.snapshotChunkBytes { try flush() }
    }
    try flush()
  }

  /// Keys in ascending order, versions of one oldest first.
  public mutating func add(_ key: Bytes, _ kept: [Version]) throws(KeyspaceError) {
    writer.byte(3)
    writer.block(key)
    for version in kept {
      writer.byte(4)
      SnapshotForm.write(
        MemoryRecord(
          key: key, value: version.value, createRevision: version.createRevision, modRevision: version.modRevision, sub: version.sub,
          version: version.version, lease: version.lease), to: &writer)
      if writer.bytes.count >= KeyspaceLimits.snapshotChunkBytes { try flush() }
    }
    keys += 1
    versions += kept.count
  }

  /// - Parameter compactedRevision: what only older revisions need is left out; 0: nothing was compacted yet.
  public mutating func finish(compactedRevision: Int64) throws(KeyspaceError) -> Keyspace {
    try flush(last: true)
    var keyspace: Keyspace = try decoder.finish()
    if compactedRevision > 0 { try keyspace.compact(to: compactedRevision) }
    return keyspace
  }

  private mutating func flush(last: Bool = false) throws(KeyspaceError) {
    checksum = CRC32C.checksum(writer.bytes, seed: checksum)
    if last {
      writer.byte(5)
      writer.count(keys)
      writer.count(versions)
      writer.fixed32(checksum)
    }
    var frame = ByteWriter(reserving: writer.bytes.count + 4)
    frame.fixed32(UInt32(writer.bytes.count))
    frame.raw(writer.take())
    try decoder.consume(frame.take())
  }
}

extension Keyspace {
  /// This keyspace as the beginning of a cluster of its own: without members, degraded cities and rules of durability, which belong to the
  /// one it was saved in.
  ///
  /// - Parameter bumpRevision: so many revisions are passed over and everything before the new one is compacted away, so that a client
  ///   that saw revisions after the snapshot is told that its place is gone instead of being told other things under numbers it has
  ///   seen (etcdutl `--bump-revision --mark-compacted`). 0: none.
  public func renewed(bumpRevision: Int64 = 0) throws(KeyspaceError) -> Keyspace {
    var renewed: Keyspace = self
    renewed.cluster = ClusterState()
    guard bumpRevision > 0 else { return renewed }
    let (next, overflow): (Int64, Bool) = revision.addingReportingOverflow(bumpRevision)
    guard !overflow, next <= KeyspaceLimits.lastRevision else {
      throw KeyspaceError(.futureRevision, "revision \(revision) plus \(bumpRevision) is beyond the last revision there is")
    }
    renewed.revision = next
    try renewed.compact(to: next)
    return renewed
  }
}
