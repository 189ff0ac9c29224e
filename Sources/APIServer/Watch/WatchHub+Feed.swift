import Primitives

/// What the feed and the ticker do with a hub.
extension WatchHub {
  private struct Resumption {
    var watchers: [(CheckedContinuation<Wake, Never>, Wake)] = []
    var revisions: [(CheckedContinuation<Bool, Never>, Bool)] = []
    func run() {
      for (continuation, wake) in watchers { continuation.resume(returning: wake) }
      for (continuation, value) in revisions { continuation.resume(returning: value) }
    }
  }

  enum Change: Sendable {
    case put(StoredObject)
    case delete(path: Bytes, revision: Int64)
  }

  /// Starts over from a whole reading.
  func replace(_ sorted: [StoredObject], revision: Int64) {
    let resumption: Resumption = state.withLock { state in
      state.cache.replace(sorted, revision: revision)
      state.isLoaded = true
      var resumption = Resumption()
      // Their places are gone: they wake up, read, and learn it.
      for waiter in state.waiters.values { resumption.watchers.append((waiter.continuation, .ready(sequence: waiter.sequence))) }
      state.waiters = [:]
      Self.takeReached(&state, &resumption)
      return resumption
    }
    resumption.run()
  }

  /// Takes in changes of this resource and the news that there are no others up to `revision`.
  func apply(_ changes: [Change], revision: Int64) {
    let resumption: Resumption = state.withLock { state in
      var resumption = Resumption()
      for change in changes {
        let sequence: Int64 = state.cache.ring.nextSequence
        let entry: WatchEntry?
        switch change {
        case .put(let object): entry = state.cache.put(object)
        case .delete(let path, let revision): entry = state.cache.delete(path, revision: revision)
        }
        guard let entry else { continue }
        var woken: [Int64] = []
        for (token, waiter) in state.waiters {
          if waiter.filter.concerns(entry) {
            resumption.watchers.append((waiter.continuation, .ready(sequence: sequence)))
            woken.append(token)
          } else {
            waiter.sequence = sequence + 1
          }
        }
        for token in woken { state.waiters[token] = nil }
      }
      state.cache.progress(to: revision)
      if !state.revisionWaiters.isEmpty { Self.takeReached(&state, &resumption) }
      return resumption
    }
    resumption.run()
  }

  private static func takeReached(_ state: inout State, _ resumption: inout Resumption) {
    for (token, waiter) in state.revisionWaiters where waiter.revision <= state.cache.revision {
      resumption.revisions.append((waiter.continuation, true))
      state.revisionWaiters[token] = nil
    }
  }

  /// Wakes those whose deadline has come.
  func tick(now: MonotonicTime) {
    let resumption: Resumption = state.withLock { state in
      var resumption = Resumption()
      for (token, waiter) in state.waiters where waiter.deadline <= now {
        resumption.watchers.append((waiter.continuation, .timedOut(sequence: waiter.sequence)))
        state.waiters[token] = nil
      }
      for (token, waiter) in state.revisionWaiters where waiter.deadline <= now {
        resumption.revisions.append((waiter.continuation, false))
        state.revisionWaiters[token] = nil
      }
      return resumption
    }
    resumption.run()
  }

  /// Lets everybody go; whoever comes later is let go at once.
  func stop() {
    let resumption: Resumption = state.withLock { state in
      var resumption = Resumption()
      state.isStopped = true
      for waiter in state.waiters.values { resumption.watchers.append((waiter.continuation, .cancelled)) }
      for waiter in state.revisionWaiters.values { resumption.revisions.append((waiter.continuation, false)) }
      state.waiters = [:]
      state.revisionWaiters = [:]
      return resumption
    }
    resumption.run()
  }
}
