import KubeModel
import Synchronization

/// What the informer saw of this host's pods, until it is handed on. When more waits than the limit allows, all of it is given up at
/// once and the taker is told to compare everything with the informer's cache: nothing is lost unseen.
final class PodChanges: Sendable {
  enum Change: Sendable {
    case desired(KubeObject)
    case gone(String)
  }
  struct Taken: Sendable {
    var changes: [Change] = []
    /// Earlier changes were given up: look at the whole cache first.
    var lost: Bool = false
  }
  /// One element per "something waits"; never more than one is kept.
  let bell: AsyncStream<Void>
  private let ring: AsyncStream<Void>.Continuation
  private let waiting: Mutex<Taken> = Mutex(Taken())
  private let limit: Int

  init(limit: Int = KubeletLimits.queuedChanges) {
    self.limit = limit
    (bell, ring) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  func add(_ change: Change) {
    waiting.withLock { waiting in
      if waiting.changes.count >= limit {
        waiting.changes = []
        waiting.lost = true
      }
      waiting.changes.append(change)
    }
    ring.yield()
  }

  func take() -> Taken {
    waiting.withLock { waiting in
      defer { waiting = Taken() }
      return waiting
    }
  }
}
