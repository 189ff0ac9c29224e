import Consensus
import Journal
import Keyspace
import Logging
import Primitives

/// A member of an older epoch hands in what it has and the cluster has not, and begins anew as a listener.
///
/// ```
///   log of the cluster   ────────────────●── recovery ─── new entries …
///   log of this member   ──────────●──────── its own …                       ● the recovery's end, or where both last agree
///                                  └──────▶ diverged-EPOCH.jsonl
/// ```
enum Rejoining {
  struct Result: Sendable {
    var file: String
    var recovery: Recovery
    var writes: PrefixCounts
  }

  /// Blocks on the disk; the member is stopped. nil: it is not of an older epoch. The old files stay beside the new ones under
  /// `superseded-EPOCH.…`, until the next time.
  static func carryOut(_ recoveries: [Recovery], _ configuration: StoreConfiguration, _ disk: any Disk) throws -> Result? {
    var folder: FolderContents = try FolderContents.open(configuration, disk)
    defer { folder.core.close() }
    let own: EpochRecord = try EpochRecord.read(disk)
    guard let newest: Recovery = recoveries.last, newest.epoch > own.epoch else { return nil }
    let lived: [Recovery] = try lived(folder)
    // The first that it missed, or which was another one here: there the ways part.
    let fork: Recovery =
      recoveries.first { recovery in
        recovery.epoch > own.epoch || (recovery.epoch == own.epoch && own.mark != 0 && own.mark != recovery.mark)
          || lived.contains { $0.epoch == recovery.epoch && $0.mark != recovery.mark }
      } ?? newest
    let file: String = "diverged-\(newest.epoch).jsonl"
    let writes: PrefixCounts = try export(folder, fork, to: file, disk, configuration)
    try EpochRecord(epoch: newest.epoch, mark: newest.mark, isRejoined: true, isClearing: true).write(disk)
    return Result(file: file, recovery: fork, writes: writes)
  }

  /// Finishes what `carryOut` began; before the journal is opened, whose lock this takes for a moment.
  static func finish(_ disk: any Disk) throws {
    try disk.lock()
    defer { disk.unlock() }
    var record: EpochRecord = try EpochRecord.read(disk)
    guard record.isClearing else { return }
    let prefix: String = "superseded-\(record.epoch)."
    for name in try disk.list() {
      if name.hasPrefix("superseded-"), !name.hasPrefix(prefix) { try disk.remove(name) }
      let stays: Bool = ["LOCK", "epoch", "identity"].contains(name) || name.hasPrefix("diverged-") || name.hasPrefix("superseded-")
      if !stays { try disk.rename(name, to: prefix + name) }
    }
    try disk.syncDirectory()
    record.isClearing = false
    try record.write(disk)
  }

  /// The recoveries that this folder's own log tells of.
  private static func lived(_ folder: FolderContents) throws -> [Recovery] {
    var recoveries: [Recovery] = folder.keyspace.cluster.recoveries
    for entry in folder.state.entries where entry.kind == .membership {
      let attachment: Bytes = try Membership.decodeAttached(entry.payload).1
      guard !attachment.isEmpty, case .cluster(.recover(let recovery, _)) = try KeyspaceCommand.decode(attachment) else { continue }
      recoveries.append(recovery)
    }
    return recoveries
  }

  // MARK: What the others have not

  private static func export(
    _ folder: FolderContents, _ fork: Recovery, to name: String, _ disk: any Disk, _ configuration: StoreConfiguration
  ) throws -> PrefixCounts {
    let own = LogSummary(member: configuration.memberID, folder.state)
    let runs: [TermRun] = fork.runs.map { TermRun(term: $0.term, first: $0.first) }
    let base: UInt64 = runs.first.map { $0.first - 1 } ?? fork.index
    let cluster = LogSummary(
      member: configuration.memberID, base: LogPosition(term: runs.isEmpty ? fork.term : 0, index: base), runs: runs,
      last: LogPosition(term: fork.term, index: fork.index), commit: fork.index, currentTerm: fork.term)
    let agreement: UInt64 = own.agreement(with: cluster)
    let times = TimeNotes.read(disk)
    var lines = try DivergedFile(name, disk)
    do {
      if own.base.index > base {
        // Its log begins behind the fork, or behind something that may differ: what its keyspace still holds is told. Of what both have
        // that is at most what was not known to be committed at the fork, a revision for each entry. Better told twice than not at all
        // (found by the simulation: its own writes at the revisions of the survivors' uncommitted ones).
        let first: Int64 = max(1, fork.lastRevision - Int64(clamping: fork.index - base)) + 1
        var request = RangeRequest(KeyRange(key: [0], end: [0]), sortTarget: .mod, sortOrder: .ascend)
        request.minModRevision = first
        request.maxModRevision = max(1, folder.keyspace.compactedRevision - 1)
        if request.maxModRevision >= request.minModRevision {
          for pair in try folder.keyspace.range(request).keyValues {
            try lines.add(Event(kind: .put, keyValue: pair), committed: true, time: times.time(of: own.base.index))
          }
        }
        for event in try LogReplay.events(folder.keyspace, from: first) {
          try lines.add(event, committed: true, time: times.time(of: own.base.index))
        }
      }
      var replay = LogReplay(folder.keyspace)
      for entry in folder.state.entries {
        let events: [Event] = try replay.apply(entry)
        guard entry.index > agreement else { continue }
        for event in events { try lines.add(event, committed: entry.index <= own.commit, time: times.time(of: entry.index)) }
      }
      try lines.finish()
    } catch {
      lines.abandon()
      throw error
    }
    return lines.writes
  }
}

/// One line of JSON per write.
private struct DivergedFile {
  private(set) var writes = PrefixCounts()
  private let disk: any Disk
  private let name: String
  private let file: any DiskFile
  private var pending: Bytes = []
  private var offset: Int = 0

  init(_ name: String, _ disk: any Disk) throws {
    self.disk = disk
    self.name = name
    let partial: String = "\(name).partial"
    if try disk.list().contains(partial) { try disk.remove(partial) }
    file = try disk.open(partial, create: true)
  }

  mutating func add(_ event: Event, committed: Bool, time: WallTime?) throws {
    writes.add(event.keyValue.key)
    var line = JSONText()
    line.open()
    line.bytes("key", event.keyValue.key)
    if event.kind == .delete { line.literal("deleted", "true") } else { line.bytes("value", event.keyValue.value) }
    line.literal("revision", "\(event.keyValue.modRevision)")
    if event.keyValue.lease != 0 { line.text("lease", String(event.keyValue.lease, radix: 16)) }
    // Not known to be: it may never have been acknowledged.
    line.literal("committed", committed ? "true" : "false")
    if let time { line.text("time", time.rfc3339) } else { line.literal("time", "null") }
    line.close()
    pending += Bytes(line.text) + [UInt8(ascii: "\n")]
    if pending.count >= 256 << 10 { try flush() }
  }

  private mutating func flush() throws {
    try file.write(pending, at: offset)
    offset += pending.count
    pending = []
  }

  mutating func finish() throws {
    try flush()
    try file.sync()
    file.close()
    try disk.rename("\(name).partial", to: name)
    try disk.syncDirectory()
  }

  func abandon() { file.close() }
}
