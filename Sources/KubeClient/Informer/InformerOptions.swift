/// How an informer behaves; the defaults suit every daemon here.
public struct InformerOptions: Sendable {
  /// Calls `onUpdate(object, object)` for everything this often; nil (the default) never: controllers here re-queue what they need.
  public var resync: Duration?
  /// How long the server shall let one watch run, in seconds.
  public var watchSeconds: Int
  /// Pauses after failures double between these two. Short, since during a failover every second counts and one process has
  /// about twenty informers: one try per second each is nothing to an apiserver.
  public var firstPause: Duration
  public var longestPause: Duration
  /// Of the jitter.
  public var seed: UInt64

  public init(
    resync: Duration? = nil, watchSeconds: Int = 480, firstPause: Duration = .milliseconds(50), longestPause: Duration = .seconds(1),
    seed: UInt64 = UInt64.random(in: 0 ... .max)
  ) {
    self.resync = resync
    self.watchSeconds = watchSeconds
    self.firstPause = firstPause
    self.longestPause = longestPause
    self.seed = seed
  }
}
