import Primitives

/// Who keeps a keyspace and its watchers: `LocalKeyspace` behind a mutex, `Store` on its event loop.
public protocol WatchHost: AnyObject, Sendable {
  /// Runs `body` with nobody else there, now or later, in the order of the calls.
  func withWatches(_ body: @escaping @Sendable (inout Watches, Keyspace) -> Void)
}

/// One watcher's cursor, whatever keeps the keyspace. Cancelling the waiting task ends the wait and loses nothing: the next
/// `next` goes on where the last batch ended.
public final class HistoryCursor: WatchCursor {
  private let host: any WatchHost
  private let id: Int

  public init(host: any WatchHost, id: Int) {
    self.host = host
    self.id = id
  }

  deinit { Self.close(host, id) }

  private static func close(_ host: any WatchHost, _ id: Int) {
    host.withWatches { watches, _ in watches.close(id) }
  }

  public func next(limit: Int) async throws -> WatchBatch {
    let (host, id): (any WatchHost, Int) = (host, id)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        host.withWatches { watches, keyspace in
          watches.pull(id, limit: limit, keyspace) { continuation.resume(with: $0) }
        }
        // Cancelled before the pull was there to be abandoned: the handler below came too early, so once more behind the pull.
        if Task.isCancelled { host.withWatches { watches, _ in watches.abandon(id) } }
      }
    } onCancel: {
      host.withWatches { watches, _ in watches.abandon(id) }
    }
  }

  public func requestProgress() {
    let id: Int = id
    host.withWatches { watches, keyspace in watches.requestProgress(id, keyspace) }
  }

  public func cancel() { Self.close(host, id) }
}
