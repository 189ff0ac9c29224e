import Keyspace
import Primitives
import Synchronization

/// One resource's cache with those who wait for it. The feed puts changes in; lists take snapshots, watchers pull. A watcher that
/// waits costs one entry here and is woken only by changes that its filter lets through.
final class WatchHub: Sendable {
  enum Wake: Sendable {
    /// Something may be there from this place on.
    case ready(sequence: Int64)
    /// Nothing of concern before this place.
    case timedOut(sequence: Int64)
    case cancelled
  }

  /// Touched under the hub's lock only. A class, so that moving a thousand places past a change that concerns none of them moves no memory.
  final class Waiter {
    var sequence: Int64
    let filter: WatchFilter
    let deadline: MonotonicTime
    let continuation: CheckedContinuation<Wake, Never>
    init(sequence: Int64, filter: WatchFilter, deadline: MonotonicTime, continuation: CheckedContinuation<Wake, Never>) {
      self.sequence = sequence
      self.filter = filter
      self.deadline = deadline
      self.continuation = continuation
    }
  }
  struct RevisionWaiter {
    let revision: Int64
    let deadline: MonotonicTime
    let continuation: CheckedContinuation<Bool, Never>
  }
  struct State {
    var cache: ResourceCache
    var isLoaded: Bool = false
    var waiters: [Int64: Waiter] = [:]
    var revisionWaiters: [Int64: RevisionWaiter] = [:]
    /// Tokens whose task was cancelled before it began to wait.
    var cancelledEarly: Set<Int64> = []
    var nextToken: Int64 = 1
    var isStopped: Bool = false
  }

  struct Snapshot: Sendable {
    let objects: SortedObjects
    let revision: Int64
    let lastChange: Int64
    /// Number of the first change that is not in the snapshot.
    let sequence: Int64
  }

  enum Reading: Sendable {
    case entries(ArraySlice<WatchEntry>, next: Int64, revision: Int64)
    /// The place was dropped: the watcher was too slow, or the cache started over.
    case lost(oldest: Int64)
  }

  let state: Mutex<State>

  init(limits: APIServerLimits) { state = Mutex(State(cache: ResourceCache(limits: limits))) }

  var isLoaded: Bool { state.withLock { $0.isLoaded } }
  var revision: Int64 { state.withLock { $0.cache.revision } }
  var watcherCount: Int { state.withLock { $0.waiters.count } }

  func snapshot() -> Snapshot {
    state.withLock { state in
      Snapshot(
        objects: state.cache.objects, revision: state.cache.revision, lastChange: state.cache.lastChange,
        sequence: state.cache.ring.nextSequence)
    }
  }

  func object(_ path: Bytes) -> StoredObject? { state.withLock { $0.cache.objects[path] } }

  /// The place after `revision`, nil if changes after it were dropped already. With the oldest revision that could be named.
  func place(after revision: Int64) -> (sequence: Int64?, oldest: Int64) {
    state.withLock { ($0.cache.ring.sequence(after: revision), $0.cache.ring.completeAfter) }
  }

  func read(from sequence: Int64, limit: Int) -> Reading {
    state.withLock { state in
      guard let entries: ArraySlice<WatchEntry> = state.cache.ring.read(from: sequence, limit: limit) else {
        return .lost(oldest: state.cache.ring.completeAfter)
      }
      let next: Int64 = sequence + Int64(entries.count)
      // Only a reading that took everything may claim the cache's revision (for bookmarks).
      let whole: Bool = next == state.cache.ring.nextSequence
      return .entries(entries, next: next, revision: whole ? state.cache.revision : (entries.last?.object.revision ?? 0))
    }
  }

  /// Waits until a change from `sequence` on passes the filter.
  func wait(from sequence: Int64, filter: WatchFilter, deadline: MonotonicTime) async -> Wake {
    let token: Int64 = newToken()
    defer { forget(token) }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now: Wake? = state.withLock { state -> Wake? in
          if state.cancelledEarly.remove(token) != nil || state.isStopped { return .cancelled }
          guard let missed: ArraySlice<WatchEntry> = state.cache.ring.read(from: sequence, limit: .max / 2) else {
            return .ready(sequence: sequence)
          }
          for (offset, entry) in missed.enumerated() where filter.concerns(entry) { return .ready(sequence: sequence + Int64(offset)) }
          let waiter = Waiter(sequence: sequence + Int64(missed.count), filter: filter, deadline: deadline, continuation: continuation)
          state.waiters[token] = waiter
          return nil
        }
        if let now { continuation.resume(returning: now) }
      }
    } onCancel: {
      let waiting: CheckedContinuation<Wake, Never>? = state.withLock { state in
        if let waiter: Waiter = state.waiters.removeValue(forKey: token) { return waiter.continuation }
        state.cancelledEarly.insert(token)
        return nil
      }
      waiting?.resume(returning: .cancelled)
    }
  }

  /// Waits until the cache is loaded and has everything up to `revision`; false if that took too long.
  func wait(for revision: Int64, deadline: MonotonicTime) async -> Bool {
    let token: Int64 = newToken()
    defer { forget(token) }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let now: Bool? = state.withLock { state -> Bool? in
          if state.isLoaded, state.cache.revision >= revision { return true }
          if state.cancelledEarly.remove(token) != nil || state.isStopped { return false }
          state.revisionWaiters[token] = RevisionWaiter(revision: revision, deadline: deadline, continuation: continuation)
          return nil
        }
        if let now { continuation.resume(returning: now) }
      }
    } onCancel: {
      let waiter: RevisionWaiter? = state.withLock { state in
        if let waiter: RevisionWaiter = state.revisionWaiters.removeValue(forKey: token) { return waiter }
        state.cancelledEarly.insert(token)
        return nil
      }
      waiter?.continuation.resume(returning: false)
    }
  }

  /// A cancellation that came after the waiting was over has left its mark; nobody will ask for it.
  private func forget(_ token: Int64) {
    if Task.isCancelled { state.withLock { _ = $0.cancelledEarly.remove(token) } }
  }

  private func newToken() -> Int64 {
    state.withLock { state in
      state.nextToken += 1
      return state.nextToken
    }
  }
}
