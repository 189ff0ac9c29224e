import Keyspace
import NIOCore
import Primitives
import Synchronization

/// Pulls one watch's events from the store and hands them to its stream, one batch at a time: the next is pulled only once the
/// stream has taken the last, so a client that does not read costs a cursor.
final class WatchPump: Sendable {
  enum News: Sendable {
    case opened
    case batch(WatchBatch)
    case failed(any Error)
  }
  private let cursor: Mutex<(cursor: (any WatchCursor)?, cancelled: Bool)> = Mutex((nil, false))
  private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

  /// `deliver` is called with each piece of news and returns once the stream has taken it.
  func start(_ store: any KeyValueStore, _ request: WatchRequest, deliver: @escaping @Sendable (News) async -> Void) {
    let task = Task { [self] in
      do {
        let cursor: any WatchCursor = try await store.watch(request)
        let cancelled: Bool = self.cursor.withLock { state in
          state.cursor = cursor
          return state.cancelled
        }
        if cancelled { return cursor.cancel() }
        await deliver(.opened)
        while !Task.isCancelled {
          let batch: WatchBatch = try await cursor.next(limit: EtcdLimits.eventsPerBatch)
          await deliver(.batch(batch))
        }
        cursor.cancel()
      } catch {
        await deliver(.failed(error))
      }
    }
    self.task.withLock { $0 = task }
  }

  func requestProgress() { cursor.withLock { $0.cursor }?.requestProgress() }

  func cancel() {
    let cursor: (any WatchCursor)? = self.cursor.withLock { state in
      state.cancelled = true
      return state.cursor
    }
    task.withLock { $0 }?.cancel()
    cursor?.cancel()
  }
}
