import Primitives

/// Reads a snapshot's stream as it arrives, cut anywhere, and gives the keyspace once its checksum is right.
public struct SnapshotDecoder: Sendable {
  private var pending: Bytes = []
  private var keyspace: Keyspace?
  private var key: Bytes?
  private var versions: [Record] = []
  private var recent: [Record] = []
  private var lastLease: Int64 = .min
  private var lastSetting: String = ""
  private var versionCount: Int = 0
  private var checksum: UInt32 = 0
  private var ended: Bool = false

  private let values: ValueFiles?

  public init(values: ValueFiles? = nil) { self.values = values }

  /// Takes the next bytes. After an error the decoder is of no further use.
  public mutating func consume(_ bytes: Bytes) throws(KeyspaceError) {
    pending += bytes
    var offset: Int = 0
    do throws(MalformedBytes) {
      while pending.count - offset >= 4 {
        let length: Int = pending.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) }
        guard length <= SnapshotForm.frameBytes else { throw MalformedBytes("frame of \(length) bytes", offset: 0) }
        guard pending.count - offset - 4 >= length else { break }
        try frame(Array(pending[(offset + 4)..<(offset + 4 + length)]))
        offset += 4 + length
      }
    } catch {
      throw KeyspaceError(.malformed, "snapshot is malformed: \(error)", cause: error)
    }
    pending.removeFirst(offset)
  }

  public mutating func finish() throws(KeyspaceError) -> Keyspace {
    guard ended, pending.isEmpty, let result: Keyspace = keyspace else {
      throw KeyspaceError(.malformed, "snapshot ends before its last frame")
    }
    return result
  }

  private mutating func frame(_ bytes: Bytes) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard !ended else { throw reader.malformed("frame after the last") }
    while !reader.isAtEnd {
      let start: Int = reader.offset
      let kind: UInt8 = try reader.byte()
      if kind == 5 {
        checksum = bytes.withUnsafeBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[..<start]), seed: checksum) }
        try end(&reader)
        try reader.finish()
        return
      }
      try item(kind, &reader)
    }
    checksum = CRC32C.checksum(bytes, seed: checksum)
  }

  private mutating func item(_ kind: UInt8, _ reader: inout ByteReader) throws(MalformedBytes) {
    if kind == 1 {
      guard keyspace == nil else { throw reader.malformed("second header") }
      let version: UInt8 = try reader.byte()
      guard version == SnapshotForm.version else { throw reader.malformed("snapshot of version \(version): upgrade this member") }
      var fresh = Keyspace(values: values)
      fresh.revision = try reader.signed()
      fresh.compactedRevision = try reader.signed()
      fresh.appliedIndex = try reader.fixed64()
      guard (1...KeyspaceLimits.lastRevision).contains(fresh.revision), fresh.compactedRevision >= 0,
        fresh.compactedRevision <= fresh.revision
      else {
        throw reader.malformed("impossible revisions in the header")
      }
      keyspace = fresh
      return
    }
    guard keyspace != nil else { throw reader.malformed("no header") }
    switch kind {
    case 7:
      let name: String = try reader.settingName()
      let setting = Setting(version: try reader.unsigned(), value: try reader.block())
      guard key == nil, Bytes(lastSetting).precedes(Bytes(name)), setting.version > 0 else {
        throw reader.malformed("setting out of order")
      }
      lastSetting = name
      keyspace?.settings[name] = setting
      keyspace?.settingsVersion &+= setting.version
    case 2:
      let id: Int64 = try reader.signed()
      guard id > lastLease, id != 0, key == nil else { throw reader.malformed("lease out of order") }
      lastLease = id
      keyspace?.leaseTable[id] = Lease(ttlSeconds: try reader.signed())
    case 6:
      let remaining: Int64 = try reader.signed()
      guard key == nil, let lease: Lease = keyspace?.leaseTable[lastLease], lease.remainingSeconds == 0, remaining > 0,
        remaining < lease.ttlSeconds
      else { throw reader.malformed("remaining time of no lease") }
      keyspace?.leaseTable[lastLease]?.remainingSeconds = remaining
    case 8:
      guard key == nil, keyspace?.cluster.isEmpty ?? false else { throw reader.malformed("state of the cluster out of order") }
      keyspace?.cluster = try ClusterState(try reader.block())
    case 3:
      let next: Bytes = try reader.block()
      if let key, !key.precedes(next) { throw reader.malformed("key out of order") }
      try flush(reader)
      key = next
    case 4:
      guard let key else { throw reader.malformed("version without a key") }
      let record: Record = try version(of: key, &reader)
      if let last: Record = versions.last, (last.modRevision, last.sub) >= (record.modRevision, record.sub) {
        throw reader.malformed("version out of order")
      }
      versions.append(record)
      versionCount += 1
    default: throw reader.malformed("unknown item \(kind)")
    }
  }

  /// The copy of the keyspace ends with the call: nothing is written while it is there.
  private func version(of key: Bytes, _ reader: inout ByteReader) throws(MalformedBytes) -> Record {
    guard let keyspace else { throw reader.malformed("no header") }
    return try SnapshotForm.record(key, from: &reader, into: keyspace)
  }

  /// Puts the key read last, with its versions, behind all others.
  private mutating func flush(_ reader: ByteReader) throws(MalformedBytes) {
    guard let key else { return }
    guard let newest: Record = versions.popLast(), let limit: Int64 = keyspace?.revision, newest.modRevision <= limit else {
      throw reader.malformed("key without versions, or newer than the snapshot")
    }
    let compacted: Int64 = keyspace?.compactedRevision ?? 0
    for record in versions + [newest] {
      keyspace?.sizeBytes += record.size
      if record.modRevision >= compacted { recent.append(record) }
    }
    keyspace?.index.appendLast(IndexEntry(key: key, newest: newest, older: versions))
    if !newest.isDeletion, newest.lease != 0 { keyspace?.attach(key, to: newest.lease) }
    versions = []
  }

  private mutating func end(_ reader: inout ByteReader) throws(MalformedBytes) {
    try flush(reader)
    let keys: Int = Int(clamping: try reader.unsigned())
    let count: Int = Int(clamping: try reader.unsigned())
    let expected: UInt32 = try reader.fixed32()
    guard expected == checksum else { throw reader.malformed("checksum \(checksum) instead of \(expected): the snapshot is damaged") }
    guard keys == keyspace?.index.count, count == versionCount else { throw reader.malformed("keys or versions missing") }
    recent.sort { ($0.modRevision, $0.sub) < ($1.modRevision, $1.sub) }
    for record in recent { keyspace?.history.append(record) }
    recent = []
    ended = true
  }
}
