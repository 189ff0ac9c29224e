/// Everything in this module that can grow has its bound here.
public struct APIServerLimits: Sendable {
  /// Bytes of a request's body. Kubernetes' limit (`MaxRequestBodyBytes` of the generic apiserver).
  public var bodyBytes: Int = 3 * 1024 * 1024
  /// Requests under way that are not watches; past it 429 with Retry-After.
  public var requestsInFlight: Int = 1024
  /// Open watches of all clients together; past it 429.
  public var watchers: Int = 20_000
  /// Events kept per resource: how far a watcher may lie behind before it is closed with 410, and what those who come back are told from
  /// memory; older ones are read from the store while it keeps them.
  public var eventsPerResource: Int = 4096
  /// Bytes of encoded objects those events may hold on to, per resource.
  public var eventBytesPerResource: Int = 4 * 1024 * 1024
  /// Bytes put together for one write to a watcher.
  public var watchWriteBytes: Int = 256 * 1024
  /// Objects per page read from the store while a list is put together.
  public var storePage: Int = 500
  /// Events per batch pulled from the store.
  public var storeBatch: Int = 1000
  /// Tries of a read-change-write loop that lost its race, before the client is told 409.
  public var updateTries: Int = 16
  /// Seconds that a request waits for a revision this server has not seen yet, before 504.
  public var revisionWait: Duration = .seconds(3)
  /// Longest time a watch stays open when the client names none, and the longest it may name, in seconds.
  public var watchSeconds: ClosedRange<Int64> = 1800...3600
  /// Between bookmarks of a watch that asked for them.
  public var bookmarkInterval: Duration = .seconds(60)
  /// Labels or terms in one selector string, in bytes.
  public var selectorBytes: Int = 16 * 1024
  /// JSON patch operations in one request (`JSONPatchMaxCopyBytes` and its operation limit in Kubernetes).
  public var patchOperations: Int = 10_000
  /// Names tried for one `generateName` before 409 (KEP-4420 tries 8).
  public var generatedNameTries: Int = 8
  /// Service addresses or node ports tried for one Service before 500.
  public var allocationTries: Int = 64

  /// To reach a kubelet, and until it begins to answer.
  public var kubeletConnect: Duration = .seconds(5)
  public var kubeletAnswer: Duration = .seconds(30)

  public init() {}

  /// Relationships that must hold; checked when a server is made.
  func check() {
    precondition(
      eventsPerResource > 0 && eventBytesPerResource >= watchWriteBytes,
      "one write to a watcher (\(watchWriteBytes)) fits into what is kept (\(eventBytesPerResource))")
    precondition(storeBatch > 0 && storePage > 0 && updateTries > 0, "pages, batches and tries are at least one")
    precondition(watchSeconds.lowerBound > 0, "a watch stays open for a while")
  }
}
