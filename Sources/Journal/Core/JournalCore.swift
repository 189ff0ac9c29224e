import Primitives

public struct JournalConfiguration: Sendable {
  public var segmentBytes: Int = JournalLimits.segmentBytes
  /// Makes the stamps of segments: different at each start, fixed in simulations.
  public var seed: UInt64
  public init(seed: UInt64 = .random(in: .min ... .max)) { self.seed = seed }
}

/// What a journal gave back when it was opened.
public struct JournalContents: Sendable {
  public var hardState: Bytes?
  /// The newest whole snapshot. `JournalCore.readSnapshot` reads its body.
  public var snapshot: SnapshotInfo?
  /// The log behind the snapshot, contiguous.
  public var entries: [JournalEntry] = []
  /// Notes for the log file: a torn tail cut, a damaged snapshot passed over.
  public var remarks: [String] = []
}

/// Write-ahead log and snapshots of one member on one disk folder, without a thread: `append` returns when everything given is
/// durable. After an error it stays failed, and every later call throws that error: a sync that failed once says nothing the next time.
///
/// Ordering contract: a batch is synced before the next is written (`SegmentReader` relies on it).
public struct JournalCore: Sendable {
  struct Segment: Sendable {
    var number: UInt64
    /// Highest index of any entry in it, overwritten ones counted.
    var maxIndex: UInt64
  }
  let disk: any Disk
  let configuration: JournalConfiguration
  var random: SeededRandom

  var segments: [Segment] = []
  var active: any DiskFile
  var header: SegmentHeader
  var end: Int
  var nextBatch: UInt64
  var chain: UInt32
  var lastIndex: UInt64?
  var hardState: Bytes?
  var spares: [String] = []
  var lastSpare: Int = 0
  var preparing: (file: any DiskFile, zeroed: Int)?
  var snapshots: [SnapshotInfo] = []
  var failure: JournalError?

  /// Opens the folder, takes its lock, reads everything back, cuts a torn tail. Throws `.locked`, `.corrupt`, `.io`, `.noSpace`.
  public static func open(_ disk: any Disk, _ configuration: JournalConfiguration) throws(JournalError) -> (JournalCore, JournalContents) {
    JournalLimits.assertRelationships(segmentBytes: configuration.segmentBytes)
    try disk.lock()
    do throws(JournalError) { return try JournalOpening(disk, configuration).run() } catch {
      disk.unlock()
      throw error
    }
  }

  /// Makes the batches durable, all with one sync where they fit one write. Throws `.noSpace`, `.io`, `.tooLarge`.
  public mutating func append(_ batches: [JournalBatch]) throws(JournalError) {
    try guarded { core throws(JournalError) in
      var writer = ByteWriter()
      for batch in batches {
        if let place: LogPlace = batch.startBehind {
          JournalRecord.startBehind(place).encode(to: &writer)
          core.lastIndex = place.index
        }
        for entry in batch.entries {
          let limit: Int = min(JournalLimits.batchBytes, core.configuration.segmentBytes - 2 * SegmentHeader.bytes)
          let carried: Int = (core.hardState?.count ?? 0) + 16
          guard entry.encodedBytes + carried <= limit - JournalLimits.alignment else {
            throw JournalError(.tooLarge, "entry \(entry.index) has \(entry.payload.count) bytes, a batch holds \(limit)")
          }
          if writer.bytes.count + entry.encodedBytes + carried > limit - JournalLimits.alignment { try core.writeBatch(writer.take()) }
          core.note(entry)
          JournalRecord.entry(entry).encode(to: &writer)
        }
        if let state: Bytes = batch.hardState {
          JournalRecord.hardState(state).encode(to: &writer)
          core.hardState = state
        }
      }
      if !writer.bytes.isEmpty { try core.writeBatch(writer.take()) }
    }
  }

  private mutating func note(_ entry: JournalEntry) {
    if let last: UInt64 = lastIndex {
      precondition(entry.index <= last + 1, "entry \(entry.index) leaves a gap behind \(last)")
    }
    lastIndex = entry.index
  }

  /// Writes one batch and syncs it.
  private mutating func writeBatch(_ records: Bytes) throws(JournalError) {
    var payload: Bytes = records
    if end + BatchHeader.space(payload.count) > configuration.segmentBytes {
      try roll()
      // A segment says itself what the last hard state was, so that older ones can go.
      if let state: Bytes = hardState {
        var writer = ByteWriter(reserving: payload.count + state.count + 16)
        JournalRecord.hardState(state).encode(to: &writer)
        writer.raw(payload)
        payload = writer.take()
      }
    }
    let checksum: UInt32 = CRC32C.checksum(payload, seed: chain)
    let header = BatchHeader(stamp: header.stamp, number: nextBatch, length: payload.count, checksum: checksum)
    try active.write(header.encode() + payload, at: end)
    try active.sync()
    end += BatchHeader.space(payload.count)
    nextBatch += 1
    chain = checksum
    segments[segments.count - 1].maxIndex = max(segments[segments.count - 1].maxIndex, lastIndex ?? 0)
  }

  mutating func guarded<Value>(
    _ body: (inout JournalCore) throws(JournalError) -> Value
  ) throws(JournalError) -> Value {
    if let failure { throw failure }
    do throws(JournalError) { return try body(&self) } catch {
      failure = error
      throw error
    }
  }

  /// Bytes on disk: segments, spares and snapshots.
  public var sizeBytes: Int {
    (segments.count + spares.count) * configuration.segmentBytes + snapshots.reduce(0) { $0 + $1.bytes }
  }

  /// There is no space for the next segment or a snapshot.
  var isFull: Bool { failure?.code == .noSpace }
  /// Appends wait for space.
  var waitsForSpace: Bool { false }

  public mutating func close() {
    active.close()
    preparing?.file.close()
    disk.unlock()
    failure = failure ?? JournalError(.closed, "the journal in \(disk.path) was closed")
  }
}
