import Primitives

public struct JournalConfiguration: Sendable {
  public var segmentBytes: Int = JournalLimits.segmentBytes
  /// Makes the stamps of segments: different at each start, fixed in simulations.
  public var seed: UInt64
  /// What to do about a damaged log: false, refuse to open; true, keep what is whole and begin a repair (`JournalContents.isRepairing`).
  /// Only
  /// for members that have peers to be repaired from.
  public var repairs: Bool = false
  public init(seed: UInt64 = .random(in: .min ... .max)) { self.seed = seed }
}

/// What a journal gave back when it was opened.
public struct JournalContents: Sendable {
  public var hardState: Bytes?
  /// The hard state of the last promise, from its second place. Of this and `hardState` the caller takes the later.
  public var promise: Bytes?
  /// The newest whole snapshot. `JournalCore.readSnapshot` reads its body.
  public var snapshot: SnapshotInfo?
  /// The log behind the snapshot, contiguous.
  public var entries: [JournalEntry] = []
  /// Part of the log was damaged and is gone, now or at an earlier start, and no append has said `isRepaired` since. The member must not
  /// vote
  /// or lead before its log holds again what it may have acknowledged.
  public var isRepairing: Bool = false
  /// Notes for the log file: a torn tail cut, a damaged snapshot passed over, the damage that began a repair.
  public var remarks: [String] = []
}

/// How long the disk took for a group of appends.
public struct DiskTimes: Sendable {
  public private(set) var writing: Int64 = 0
  public private(set) var syncing: Int64 = 0

  mutating func add(writing: Duration, syncing: Duration) {
    self.writing += writing.inNanoseconds
    self.syncing += syncing.inNanoseconds
  }

  mutating func take() -> DiskTimes {
    defer { self = DiskTimes() }
    return self
  }
}

/// Write-ahead log and snapshots of one member on one disk folder, without a thread: `append` returns when everything given is
/// durable. After an error other than `.noSpace` it stays failed, and every later call throws that error: a sync that failed once says
/// nothing the next time. After `.noSpace` what was given waits here, in order, and goes out with the next `append` or `resume`.
///
/// Ordering contract: a batch is synced before the next is written (`SegmentReader` relies on it).
public struct JournalCore: Sendable {
  struct Segment: Sendable {
    var number: UInt64
    /// Highest index of any entry in it, overwritten ones counted.
    var maxIndex: UInt64
  }
  /// A batch on its way to the disk.
  struct Waiting: Sendable {
    var records: Bytes
    /// The last entry of the log behind it.
    var lastIndex: UInt64?
    /// The hard state behind it.
    var hardState: Bytes?
    var isPromise: Bool
    /// Only its marks are missing.
    var isWritten: Bool = false
  }
  let disk: any Disk
  let configuration: JournalConfiguration
  var random: SeededRandom
  var marks: MarksFile

  var segments: [Segment] = []
  var active: any DiskFile
  var header: SegmentHeader
  var end: Int
  var nextBatch: UInt64
  var chain: UInt32
  /// Of what was given, durable or not.
  var lastIndex: UInt64?
  var givenState: Bytes?
  /// The last hard state on disk.
  var hardState: Bytes?
  var waiting: [Waiting] = []
  var spares: [String] = []
  var lastSpare: Int = 0
  var preparing: (file: any DiskFile, zeroed: Int)?
  var snapshots: [SnapshotInfo] = []
  var failure: JournalError?
  /// Measures the disk; nil where nobody asks.
  var clock: (any TimeSource)?
  /// Since they were last taken.
  var times = DiskTimes()
  /// There was no space for a segment or a snapshot, and nobody has seen any since.
  var shortage: JournalError?

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
    if let failure { throw failure }
    do throws(JournalError) { try encode(batches) } catch {
      failure = error
      throw error
    }
    try resume()
  }

  /// Writes what a full disk held up. Throws `.noSpace` while it still does.
  public mutating func resume() throws(JournalError) {
    if let failure { throw failure }
    do throws(JournalError) {
      while !waiting.isEmpty {
        var next: Waiting = waiting.removeFirst()
        do throws(JournalError) { try write(&next) } catch {
          waiting.insert(next, at: 0)
          throw error
        }
      }
    } catch {
      if error.code == .noSpace { shortage = error } else { failure = error }
      throw error
    }
  }

  private mutating func encode(_ batches: [JournalBatch]) throws(JournalError) {
    let limit: Int = min(JournalLimits.batchBytes, configuration.segmentBytes - 2 * SegmentHeader.bytes) - JournalLimits.alignment
    let carried: Int = JournalLimits.hardStateBytes + 16
    let size: Int = batches.reduce(64) { $0 + $1.entries.reduce(0) { $0 + $1.encodedBytes } + ($1.hardState?.count ?? 0) + 32 }
    var writer = ByteWriter(reserving: min(size, limit))
    var isPromise: Bool = false
    func close(_ core: inout JournalCore) {
      guard !writer.bytes.isEmpty else { return }
      core.waiting.append(
        Waiting(records: writer.take(), lastIndex: core.lastIndex, hardState: core.givenState, isPromise: isPromise))
      isPromise = false
    }
    for batch in batches {
      if let place: LogPlace = batch.startBehind {
        JournalRecord.startBehind(place).encode(to: &writer)
        lastIndex = place.index
      }
      for entry in batch.entries {
        guard entry.encodedBytes + carried <= limit else {
          throw JournalError(.tooLarge, "entry \(entry.index) has \(entry.payload.count) bytes, a batch holds \(limit)")
        }
        if writer.bytes.count + entry.encodedBytes + carried > limit { close(&self) }
        if let last: UInt64 = lastIndex { precondition(entry.index <= last + 1, "entry \(entry.index) leaves a gap behind \(last)") }
        lastIndex = entry.index
        JournalRecord.entry(entry).encode(to: &writer)
      }
      if let state: Bytes = batch.hardState {
        guard state.count <= JournalLimits.hardStateBytes else {
          throw JournalError(.tooLarge, "a hard state of \(state.count) bytes, at most \(JournalLimits.hardStateBytes) fit")
        }
        JournalRecord.hardState(state).encode(to: &writer)
        givenState = state
        isPromise = isPromise || batch.isPromise
      }
      if batch.isRepaired { JournalRecord.repair(false).encode(to: &writer) }
    }
    close(&self)
  }

  /// Writes one batch and syncs it. After `.noSpace` nothing of it counts and it can be written again: no sync was asked for, so there is
  /// none that could have failed unseen.
  private mutating func write(_ batch: inout Waiting) throws(JournalError) {
    if !batch.isWritten {
      var payload: Bytes = batch.records
      if end + BatchHeader.space(payload.count) > configuration.segmentBytes { try roll() }
      // A segment says itself what the last hard state was, so that older ones can go.
      if end == SegmentHeader.bytes, let state: Bytes = hardState {
        var writer = ByteWriter(reserving: payload.count + state.count + 16)
        JournalRecord.hardState(state).encode(to: &writer)
        writer.raw(payload)
        payload = writer.take()
      }
      let checksum: UInt32 = Checksum.crc32c(payload, seed: chain)
      let header = BatchHeader(stamp: header.stamp, number: nextBatch, length: payload.count, checksum: checksum)
      let began: MonotonicTime? = clock?.now()
      try active.write(header.encode() + payload, at: end)
      let written: MonotonicTime? = clock?.now()
      do throws(JournalError) { try active.sync() } catch { throw error.asFailedSync }
      if let began, let written, let synced = clock?.now() { times.add(writing: written - began, syncing: synced - written) }
      end += BatchHeader.space(payload.count)
      nextBatch += 1
      chain = checksum
      hardState = batch.hardState
      segments[segments.count - 1].maxIndex = max(segments[segments.count - 1].maxIndex, batch.lastIndex ?? 0)
      batch.isWritten = true
    }
    // Behind the log: a promise that stands in the marks alone was told to nobody either.
    if batch.isPromise { try marks.write(batch: nextBatch - 1, hardState: batch.hardState, sync: true) }
  }

  /// Notes, without a sync, how far the log surely is durable. For moments without work.
  public mutating func noteDurable() {
    guard failure == nil, marks.marks.batch < nextBatch - 1 else { return }
    // Older marks are true as well: what the note spares is a doubt, not data.
    do throws(JournalError) { try marks.write(batch: nextBatch - 1, hardState: nil, sync: false) } catch {}
  }

  mutating func guarded<Value>(
    _ body: (inout JournalCore) throws(JournalError) -> Value
  ) throws(JournalError) -> Value {
    if let failure { throw failure }
    do throws(JournalError) { return try body(&self) } catch {
      if error.code == .noSpace { shortage = error } else { failure = error }
      throw error
    }
  }

  /// Bytes on disk: segments, spares and snapshots.
  public var sizeBytes: Int {
    (segments.count + spares.count) * configuration.segmentBytes + snapshots.reduce(0) { $0 + $1.bytes }
  }

  public mutating func close() {
    if failure == nil, marks.marks.batch < nextBatch - 1 {
      do throws(JournalError) { try marks.write(batch: nextBatch - 1, hardState: nil, sync: true) } catch {}
    }
    active.close()
    preparing?.file.close()
    marks.close()
    disk.unlock()
    failure = failure ?? JournalError(.closed, "the journal in \(disk.path) was closed")
  }
}
