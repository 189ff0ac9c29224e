import Primitives
import Synchronization

/// The last things of note that happened in this process (elections, activations, fences), with both clocks: what reports and timelines
/// are made from. Bounded; the oldest go first.
public final class EventLog: Sendable {
  public struct Entry: Hashable, Sendable {
    public var name: String
    public var detail: String
    public var at: MonotonicTime
    public var wall: WallTime
  }

  public static let shared = EventLog()
  public static let capacity: Int = 1_000
  private let entries: Mutex<[Entry]> = Mutex([])
  private let clock: any TimeSource

  public init(clock: any TimeSource = SystemClock()) { self.clock = clock }

  public func record(_ name: String, _ detail: String = "") {
    let entry = Entry(name: name, detail: detail, at: clock.now(), wall: clock.wall())
    entries.withLock { entries in
      if entries.count == Self.capacity { entries.removeFirst(Self.capacity / 10) }
      entries.append(entry)
    }
  }

  public var all: [Entry] { entries.withLock { $0 } }
}
