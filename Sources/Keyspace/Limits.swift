/// What a keyspace takes. Where etcd has the limit, it is etcd's.
public enum KeyspaceLimits {
  /// Encoded bytes of one command, which bounds its keys and values too (etcd `--max-request-bytes`, 1.5 MiB).
  public static let requestBytes: Int = 1_572_864
  /// What that may be raised to: one entry of the log must hold it, with what surrounds it (`ConsensusLimits.maxEntryPayload`, 6 MiB).
  public static let requestBytesCeiling: Int = 5 << 20
  /// Operations or comparisons on one level of a transaction, and, since each level uses some up, its depth (etcd `--max-txn-ops`).
  public static let transactionOperations: Int = 128
  /// What that may be raised to. A transaction runs on the store's loop, at some 4 µs per operation.
  public static let transactionOperationsCeiling: Int = 10_000
  /// Seconds (etcd `MaxLeaseTTL`).
  public static let leaseSeconds: Int64 = 9_000_000_000
  public static let minimumLeaseSeconds: Int64 = 1
  /// Leases revoked in one round by the leader (etcd `defaultLeaseRevokeRate` is 1,000 per second, a round is half a second).
  public static let expiredLeasesPerRound: Int = 500
  /// Leases in one checkpoint (etcd `maxLeaseCheckpointBatchSize`).
  public static let leasesPerCheckpoint: Int = 1000

  /// Revisions and versions that a snapshot may have: there is always a next one, for as many writes as nobody will make.
  static let lastRevision: Int64 = .max / 2

  /// Settings, and bytes of the name of one.
  public static let settings: Int = 64
  public static let settingNameBytes: Int = 64

  /// Recoveries of a cluster that are remembered for members that come back.
  static let recoveries: Int = 16
  /// Smaller values stay in memory: a record of a value in a file takes about as much.
  static let fileValueBytes: Int = 128
  /// Bytes of one file of values; a new one is begun behind the value that passes it.
  static let valueSegmentBytes: Int = 16 << 20
  /// Bytes of values gathered before they are written to their file.
  static let valueTailBytes: Int = 256 * 1024
  /// Values kept in memory after a file could not be made, before the next attempt.
  static let valuePatience: Int = 10_000

  /// Entries of one leaf of the index. 512 entries of three words are 12 KiB: one insertion moves 6 KiB on average.
  static let leafEntries: Int = 512
  /// Two neighbouring leaves with fewer entries together than this become one.
  static let mergedLeafEntries: Int = 256
  /// Records of one chunk of the history.
  static let historyChunk: Int = 1024

  /// Forgotten modifications whose memory a compaction gives back itself, at 2 to 5 µs each, and each write after it.
  static let trimmedAtOnce: Int = 1000
  static let trimmedPerWrite: Int = 2
  /// And each tick of a member (25 ms): some 20,000 per second.
  public static let trimmedPerTick: Int = 500

  public static let watches: Int = 100_000
  /// Records that one pull of a watcher looks at before it answers with progress, so that a watcher of a quiet range far
  /// behind cannot hold the loop for more than about a millisecond.
  static let recordsPerPull: Int = 20_000
  /// Events of one batch at most, whatever the puller asks for.
  static let eventsPerBatch: Int = 10_000

  /// Bytes of a snapshot handed out at once, roughly.
  public static let snapshotChunkBytes: Int = 256 * 1024
}

/// What one store takes of one request (etcd `--max-request-bytes`, `--max-txn-ops`); the same on every member.
public struct RequestLimits: Hashable, Sendable {
  /// Of keys and values, 1 to `KeyspaceLimits.requestBytesCeiling`.
  public var bytes: Int = KeyspaceLimits.requestBytes
  /// Over all levels of a transaction, 1 to `KeyspaceLimits.transactionOperationsCeiling`.
  public var operations: Int = KeyspaceLimits.transactionOperations
  public init() {}
}
