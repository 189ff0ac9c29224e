import HTTP
import Keyspace
import NIOCore
import Primitives
import TLS

/// What an etcd's database holds, as a keyspace of ours: every version of every key that is still there under its own revisions, leases
/// with what was left of them, the compacted revision, users and roles.
///
/// etcd's buckets (`server/storage/schema`): `key` (revision → kv.proto's KeyValue; a `t` behind the revision marks a deletion), `lease`,
/// `meta` (compactions), `auth`, `authUsers`, `authRoles`. Members and raft's own state belong to the old cluster and stay there.
public struct EtcdDatabase: Sendable {
  /// As `etcdctl snapshot status` says it.
  public struct Summary: Hashable, Sendable {
    /// CRC-32C over all buckets' names, keys and values.
    public var hash: UInt32 = 0
    public var revision: Int64 = 0
    /// Entries of all buckets: versions, members and settings are counted, too.
    public var totalKeys: Int = 0
    public var totalBytes: Int = 0
  }
  public let summary: Summary
  public let keyspace: Keyspace
  /// What is there and was not taken over, a sentence each.
  public let remarks: [String]

  /// Reads the whole file. Throws a `KeyspaceError` `.malformed` or `.unavailable` that says what is wrong with it.
  /// - Parameters:
  ///   - skipHashCheck: see `BoltFile`.
  ///   - progress: is told how many entries were read, every few thousand.
  public init(path: String, skipHashCheck: Bool = false, progress: (Int) -> Void = { _ in }) throws {
    try self.init(try BoltFile(path: path, skipHashCheck: skipHashCheck), progress: progress)
  }

  init(_ file: BoltFile, progress: (Int) -> Void = { _ in }) throws {
    var contents = EtcdContents(file)
    var summary = Summary(totalBytes: file.databaseBytes)
    for (name, bucket) in try file.rootBucket().buckets() {
      let isKeys: Bool = name == "key"
      summary.hash = CRC32C.checksum(Bytes(name), seed: summary.hash)
      try bucket.forEach { key, value in
        summary.hash = CRC32C.checksum(value, seed: CRC32C.checksum(key, seed: summary.hash))
        summary.totalKeys += 1
        if summary.totalKeys % 10_000 == 0 { progress(summary.totalKeys) }
        if isKeys { summary.revision = try contents.version(key, value) } else { try contents.entry(of: name, Bytes(key), Bytes(value)) }
      }
    }
    self.summary = summary
    keyspace = try contents.keyspace(newest: summary.revision)
    remarks = contents.remarks
  }
}

/// What the buckets gave so far.
struct EtcdContents {
  private let file: BoltFile
  private var versions: [Bytes: [KeyspaceImport.Version]] = [:]
  private var leases: [KeyspaceImport.Lease] = []
  private var compacted: Int64 = 0
  private var users = EtcdUsers()
  private(set) var remarks: [String] = []

  init(_ file: BoltFile) { self.file = file }

  /// An entry of the bucket `key`. Returns its revision.
  mutating func version(_ place: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Int64 {
    let (main, sub): (Int64, Int64) = try revision(Bytes(place.prefix(17)))
    guard place.count == 17 || (place.count == 18 && place[17] == UInt8(ascii: "t")) else {
      throw file.damage("revision \(main) is followed by something that is no mark of a deletion")
    }
    // `etcdutl snapshot restore --bump-revision` writes revisions that hold nothing.
    if value.isEmpty { return main }
    let kept: KeyValue = try decode("the version at revision \(main)", value) { try KeyValue(ProtobufReader($0)) }
    guard !kept.key.isEmpty else { throw file.damage("revision \(main) changed a key without a name") }
    guard place.count == 17 else {
      versions[kept.key, default: []].append(.deletion(at: main, sub: sub))
      return main
    }
    guard kept.modRevision == main, kept.version > 0, kept.createRevision > 0, kept.createRevision <= main else {
      throw file.damage("revision \(main) of key \(kept.key.text.debugDescription) says that it is revision \(kept.modRevision)")
    }
    versions[kept.key, default: []].append(
      KeyspaceImport.Version(
        createRevision: kept.createRevision, modRevision: main, sub: sub, version: kept.version, lease: kept.lease, value: kept.value))
    return main
  }

  mutating func entry(of bucket: String, _ key: Bytes, _ value: Bytes) throws {
    switch bucket {
    case "lease": leases.append(try lease(value))
    case "meta":
      // A compaction that was begun and not finished is finished here, as etcd does when it starts.
      if key.text == "scheduledCompactRev" || key.text == "finishedCompactRev" { compacted = max(compacted, try revision(value).main) }
    case "auth", "authUsers", "authRoles":
      do { try users.add(bucket, key, value) } catch {
        throw file.damage("\(bucket) holds \(key.text.debugDescription), which cannot be read: \(error)")
      }
    case "alarm": remarks.append("an alarm that was raised is not taken over: look at `etcdctl alarm list` of the old cluster")
    default: break
    }
  }

  /// `main_sub` in two big-endian numbers.
  private func revision(_ bytes: Bytes) throws -> (main: Int64, sub: Int64) {
    guard bytes.count == 17, bytes[8] == UInt8(ascii: "_") else { throw file.damage("a revision is not what etcd writes") }
    let main = Int64(bitPattern: bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) })
    let sub = Int64(bitPattern: bytes[9...].reduce(0) { $0 << 8 | UInt64($1) })
    guard main > 0, sub >= 0 else { throw file.damage("there is no revision \(main)_\(sub)") }
    return (main, sub)
  }

  /// lease.proto: ID 1, TTL 2, RemainingTTL 3.
  private func lease(_ value: Bytes) throws -> KeyspaceImport.Lease {
    try value.withUnsafeBytes { bytes in
      try decode("a lease", bytes) { buffer in
        var reader = ProtobufReader(buffer)
        var lease = KeyspaceImport.Lease(id: 0, ttlSeconds: 0)
        while let field = try reader.next() {
          switch field.number {
          case 1: lease.id = try reader.int64(field)
          case 2: lease.ttlSeconds = try reader.int64(field)
          case 3: lease.remainingSeconds = try reader.int64(field)
          default: try reader.skip(field)
          }
        }
        guard lease.id != 0, lease.ttlSeconds > 0 else { throw ProtobufError(.badText, "Its id or its time is missing.") }
        return lease
      }
    }
  }

  private func decode<Value>(_ what: String, _ bytes: UnsafeRawBufferPointer, _ read: (ByteBuffer) throws -> Value) throws -> Value {
    do { return try read(ByteBuffer(bytes: bytes)) } catch { throw file.damage("\(what) cannot be read: \(error)") }
  }

  mutating func keyspace(newest: Int64) throws -> Keyspace {
    let revision: Int64 = max(1, newest, compacted)
    var settings: [String: Setting] = [:]
    if let state: AuthState = users.state { settings[AuthState.settingName] = Setting(version: 1, value: state.encode()) }
    var sum = try KeyspaceImport(revision: revision, settings: settings, leases: leases)
    for key in versions.keys.sorted(by: { $0.precedes($1) }) {
      // Let go of one by one: the copy grows as this one shrinks.
      try sum.add(key, versions.removeValue(forKey: key) ?? [])
    }
    return try sum.finish(compactedRevision: compacted)
  }
}
