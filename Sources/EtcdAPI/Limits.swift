/// What the etcd API takes from one client. Where etcd has the limit, it is etcd's.
public enum EtcdLimits {
  /// Bytes of a request message beyond `--max-request-bytes` (etcd `grpcOverheadBytes`).
  public static let messageOverheadBytes: Int = 524_288
  /// Watches on one stream. etcd has no limit of its own; a kube-apiserver uses a few hundred per stream.
  public static let watchesPerStream: Int = 20_000
  /// Events taken from the store at once for one watch (etcd `watchBatchMaxRevs`).
  public static let eventsPerBatch: Int = 1_000
  /// Bytes of events in one response; more are split between revisions, and inside a revision only for clients that set `fragment`.
  public static let watchResponseBytes: Int = 1_048_576
  /// Keep-alives of one stream that wait for the store.
  public static let waitingKeepAlives: Int = 256
  /// Milliseconds between progress notifications for watches that asked for them (etcd `--watch-progress-notify-interval`).
  public static let progressIntervalMilliseconds: Int64 = 600_000
  /// Milliseconds without a leader after which a stream that requires one is ended.
  public static let leaderLossMilliseconds: Int64 = 3_000
  /// Tries to change a setting that others change too.
  static let settingAttempts: Int = 10
  /// Rows of a `RangeStream`'s first piece, and bytes that the later ones aim at.
  static let firstStreamRows: Int = 10
  static let streamPieceBytes: Int = 1_048_576
  /// Passwords checked or hashed at once; each takes 16 MiB and 50 ms of a thread.
  static let passwordsAtOnce: Int = 4
  /// Passwords that wait for that.
  static let waitingPasswords: Int = 256
  /// JSON values inside each other.
  static let jsonDepth: Int = 100
  /// Bytes of one response that our own client takes.
  public static let clientMessageBytes: Int = 64 * 1024 * 1024
}
