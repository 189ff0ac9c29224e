/// What a journal takes, and the relationships between its sizes.
public enum JournalLimits {
  /// Bytes of one segment file. A purged one is used again, so a running member creates three or four and then none.
  public static let segmentBytes: Int = 16 << 20
  /// Bytes of one batch's records. Larger groups are written as several batches.
  public static let batchBytes: Int = 8 << 20
  /// Batches start at multiples of this, so that a sector with durable bytes is never rewritten with other ones.
  static let alignment: Int = 512
  static let batchHeaderBytes: Int = 40
  /// Bytes of a hard state: with its frame it must fit a sector of `marks`.
  public static let hardStateBytes: Int = 256
  /// Free bytes that must be left on the disk beside a new segment before it is prepared.
  static let spaceMargin: Int = 4 << 20
  /// How often the journal looks whether there is space again.
  static let spacePatience: Duration = .milliseconds(200)
  /// Purged segments kept for use.
  static let spareSegments: Int = 2
  /// Bytes zeroed in one step when a new segment is prepared.
  static let zeroStepBytes: Int = 1 << 20
  /// Snapshots kept; the log is kept back to the older one, so that a damaged newest snapshot loses nothing.
  static let snapshots: Int = 2
  /// Bytes of one chunk of a snapshot file.
  static let snapshotChunkBytes: Int = 8 << 20
  /// A snapshot under construction is synced this often, so that the sync at its end is short.
  static let snapshotSyncBytes: Int = 8 << 20
  /// Appends waiting for the disk. Consensus bounds the bytes; this bounds a defect.
  static let queuedItems: Int = 100_000

  static func assertRelationships(segmentBytes: Int) {
    precondition(segmentBytes % alignment == 0, "segments of \(segmentBytes) bytes are no multiple of \(alignment)")
    precondition(segmentBytes >= 16 * alignment, "segments of \(segmentBytes) bytes hold too little")
  }
}
