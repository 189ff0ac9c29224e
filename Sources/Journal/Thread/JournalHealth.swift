import Primitives
import Synchronization

/// How the disk below a journal does, for watchdogs, health checks and metrics. Read from any thread; costs a mutex.
public struct JournalHealth: Sendable {
  /// When the disk was given what it has not finished: a group of appends, a piece of a snapshot or of the next segment. nil: it owes
  /// nothing.
  public var busySince: MonotonicTime?
  /// The last group commit (write and sync together).
  public var lastSync: JournalSync?
  /// The longest one since the journal was opened.
  public var longestSync: Duration = .zero
  public var syncs: UInt64 = 0
  /// Since when there is no space for the next segment or a snapshot. Appends go on while the segment in use has room and wait then; they
  /// go on by themselves once there is space again.
  public var fullSince: MonotonicTime?
  /// Appends wait for space. Nothing of them is durable, and nothing is lost.
  public var waitsForSpace: Bool = false
  /// Why every append fails from now on; nil while the journal works.
  public var failure: JournalError?

  public init() {}

  /// Since when the disk has not finished something, if that is longer ago than `limit`.
  public func stalledSince(now: MonotonicTime, limit: Duration) -> MonotonicTime? {
    guard let busySince, now - busySince > limit else { return nil }
    return busySince
  }
}

/// Where the journal's thread notes what it does.
final class HealthBoard: Sendable {
  private let state: Mutex<JournalHealth> = Mutex(JournalHealth())
  let clock: any TimeSource

  init(_ clock: any TimeSource) { self.clock = clock }

  var health: JournalHealth { state.withLock { $0 } }

  /// The disk is given something to do.
  func begin() -> MonotonicTime {
    let now: MonotonicTime = clock.now()
    state.withLock { $0.busySince = now }
    return now
  }

  /// The disk has done it, or failed.
  func end(_ core: borrowing JournalCore, sync: JournalSync? = nil) {
    let (failure, isFull, waits): (JournalError?, Bool, Bool) = (core.failure, core.isFull, core.waitsForSpace)
    let now: MonotonicTime = clock.now()
    state.withLock { health in
      health.busySince = nil
      health.failure = failure
      health.fullSince = isFull ? health.fullSince ?? now : nil
      health.waitsForSpace = waits
      guard let sync else { return }
      health.lastSync = sync
      health.longestSync = max(health.longestSync, .nanoseconds(sync.nanoseconds))
      health.syncs += 1
    }
  }
}
