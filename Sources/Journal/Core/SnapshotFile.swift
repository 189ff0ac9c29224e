import Primitives

/// A snapshot on disk.
public struct SnapshotInfo: Hashable, Sendable {
  /// The last entry that it covers.
  public var index: UInt64
  public var term: UInt64
  /// The caller's own (the membership).
  public var metadata: Bytes
  /// Size of the file.
  public var bytes: Int

  var name: String { SnapshotFile.name(index: index, term: term) }
}

/// A snapshot's file: written under another name, synced, renamed; so a file that has its name is whole, unless the disk damaged it.
///
///     file   = "TRICSNAP" version(4) index(8) term(8) length(4) metadata CRC-32C of these(4), chunk…, end
///     chunk  = length(4), not 0; CRC-32C continued from what came before(4); bytes
///     end    = 0(4) checksum of the last chunk(4)
enum SnapshotFile {
  static let magic: Bytes = Bytes("TRICSNAP")
  static let version: UInt32 = 1

  static func name(index: UInt64, term: UInt64) -> String {
    func pad(_ value: UInt64) -> String {
      let digits = String(value, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return "snapshot-\(pad(index))-\(pad(term))"
  }

  /// Reads the whole file, hands on its chunks, throws `.corrupt` if anything in it is not as it was written.
  @discardableResult
  static func read(
    _ disk: any Disk, _ name: String, _ body: (Bytes) throws(JournalError) -> Void
  ) throws(JournalError) -> SnapshotInfo {
    let file: any DiskFile = try disk.open(name, create: false)
    defer { file.close() }
    func corrupt(_ offset: Int) -> JournalError {
      JournalError(.corrupt, "snapshot \(disk.path)/\(name) is damaged at byte \(offset)")
    }
    func word(_ bytes: Bytes, _ at: Int) -> UInt32 {
      bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    }
    let size: Int = try file.size()
    let start: Bytes = try file.read(at: 0, count: 32)
    guard start.count == 32, Bytes(start[..<8]) == magic, word(start, 8) == version else { throw corrupt(0) }
    let length: Int = Int(word(start, 28))
    guard length <= size - 36 else { throw corrupt(28) }
    let metadata: Bytes = try file.read(at: 32, count: length)
    let check: Bytes = try file.read(at: 32 + length, count: 4)
    var checksum: UInt32 = Checksum.crc32c(start + metadata)
    guard check.count == 4, word(check, 0) == checksum else { throw corrupt(0) }
    var offset: Int = 36 + length
    while true {
      let head: Bytes = try file.read(at: offset, count: 8)
      guard head.count == 8 else { throw corrupt(offset) }
      let count: Int = Int(word(head, 0))
      if count == 0 {
        guard word(head, 4) == checksum, offset + 8 == size else { throw corrupt(offset) }
        break
      }
      guard count <= size - offset - 8 else { throw corrupt(offset) }
      let chunk: Bytes = try file.read(at: offset + 8, count: count)
      checksum = Checksum.crc32c(chunk, seed: checksum)
      guard word(head, 4) == checksum else { throw corrupt(offset) }
      try body(chunk)
      offset += 8 + count
    }
    return start.withUnsafeBytes { raw in
      SnapshotInfo(
        index: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 12, as: UInt64.self)),
        term: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 20, as: UInt64.self)), metadata: metadata, bytes: size)
    }
  }

  static func check(_ disk: any Disk, _ name: String) throws(JournalError) -> SnapshotInfo {
    let info: SnapshotInfo = try read(disk, name) { _ throws(JournalError) in }
    guard info.name == name else { throw JournalError(.corrupt, "snapshot \(disk.path)/\(name) says that it is \(info.name)") }
    return info
  }
}

/// Writes a snapshot piece by piece. Nothing counts before `JournalCore.finish(_:)`.
public struct SnapshotWriter: Sendable {
  public private(set) var info: SnapshotInfo
  private let file: any DiskFile
  let partial: String
  private var checksum: UInt32
  private var offset: Int
  private var unsynced: Int = 0

  init(_ disk: any Disk, index: UInt64, term: UInt64, metadata: Bytes) throws(JournalError) {
    info = SnapshotInfo(index: index, term: term, metadata: metadata, bytes: 0)
    partial = info.name + ".partial"
    file = try disk.open(partial, create: true)
    var head = ByteWriter()
    head.raw(SnapshotFile.magic)
    head.fixed32(SnapshotFile.version)
    head.fixed64(index)
    head.fixed64(term)
    head.fixed32(UInt32(metadata.count))
    head.raw(metadata)
    checksum = Checksum.crc32c(head.bytes)
    head.fixed32(checksum)
    try file.write(head.bytes, at: 0)
    offset = head.bytes.count
  }

  public mutating func append(_ chunk: Bytes) throws(JournalError) {
    precondition(chunk.count <= JournalLimits.snapshotChunkBytes, "a chunk of \(chunk.count) bytes")
    guard !chunk.isEmpty else { return }
    checksum = Checksum.crc32c(chunk, seed: checksum)
    try write(UInt32(chunk.count), chunk)
    unsynced += chunk.count
    if unsynced >= JournalLimits.snapshotSyncBytes {
      try file.sync()
      unsynced = 0
    }
  }

  private mutating func write(_ length: UInt32, _ chunk: Bytes) throws(JournalError) {
    var writer = ByteWriter(reserving: chunk.count + 8)
    writer.fixed32(length)
    writer.fixed32(checksum)
    writer.raw(chunk)
    try file.write(writer.bytes, at: offset)
    offset += writer.bytes.count
  }

  mutating func end() throws(JournalError) {
    try write(0, [])
    try file.sync()
    file.close()
    info.bytes = offset
  }

  func abandon() { file.close() }
}

extension JournalCore {
  public func beginSnapshot(index: UInt64, term: UInt64, metadata: Bytes) throws(JournalError) -> SnapshotWriter {
    if let failure { throw failure }
    let name: String = SnapshotFile.name(index: index, term: term) + ".partial"
    if try disk.list().contains(name) { try disk.remove(name) }
    return try SnapshotWriter(disk, index: index, term: term, metadata: metadata)
  }

  /// The snapshot is durable under its name when this returns; older ones and the segments they needed go.
  public mutating func finish(_ writer: SnapshotWriter) throws(JournalError) {
    var writer: SnapshotWriter = writer
    try guarded { core throws(JournalError) in
      try writer.end()
      try core.disk.rename(writer.partial, to: writer.info.name)
      try core.disk.syncDirectory()
      core.snapshots.removeAll { $0.name == writer.info.name }
      core.snapshots.insert(writer.info, at: 0)
      core.snapshots.sort { ($0.index, $0.term) > ($1.index, $1.term) }
      while core.snapshots.count > JournalLimits.snapshots { try core.disk.remove(core.snapshots.removeLast().name) }
    }
    try purge()
  }

  /// Gives the space back that an unfinished snapshot took. `reason`: what ended it; a full disk is remembered (`isFull`).
  public mutating func abandon(_ writer: SnapshotWriter, because reason: JournalError? = nil) {
    writer.abandon()
    if let reason { noteShortage(reason) }
    // What stays behind is removed at the next opening.
    do throws(JournalError) { try disk.remove(writer.partial) } catch {}
  }

  /// Newest first.
  public var snapshotInfos: [SnapshotInfo] { snapshots }

  /// Reads a snapshot's chunks in order. Throws `.corrupt`.
  public func readSnapshot(_ info: SnapshotInfo, _ body: (Bytes) throws(JournalError) -> Void) throws(JournalError) {
    try SnapshotFile.read(disk, info.name, body)
  }
}
