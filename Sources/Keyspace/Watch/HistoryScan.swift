import Primitives

/// A watcher's place in the history: the next modification it has not looked at.
public struct WatchPosition: Hashable, Comparable, Sendable {
  public var revision: Int64
  /// Above 0 only where one revision had more events than a batch takes.
  public var sub: Int64
  public init(revision: Int64, sub: Int64 = 0) {
    self.revision = revision
    self.sub = sub
  }
  public static func < (left: Self, right: Self) -> Bool { (left.revision, left.sub) < (right.revision, right.sub) }
}

extension Keyspace {
  /// The events of a watch from `position` on and the position after them. `batch.revision`: everything up to it was looked at and
  /// told. Looks at 20,000 modifications at most. Throws `.compacted` if the position lies before the oldest readable revision.
  public func events(
    for request: WatchRequest, from position: WatchPosition, limit requested: Int
  ) throws(KeyspaceError) -> (batch: WatchBatch, next: WatchPosition) {
    if position.revision < compactedRevision {
      throw KeyspaceError(
        .compacted,
        "events from revision \(position.revision) were compacted away, the oldest kept is \(compactedRevision): read again and watch from there"
      )
    }
    if position.revision > revision { return (WatchBatch(revision: revision, events: []), position) }
    let limit: Int = max(1, min(requested, KeyspaceLimits.eventsPerBatch))
    var events: [Event] = []
    var whole: Int = 0  // events of revisions that are complete
    var complete: Int64 = position.revision - 1
    var current: Int64 = position.revision
    var looked: Int = 0
    var next = WatchPosition(revision: revision + 1)
    var cut: Bool = false
    history.forEach(from: history.place(of: position.revision, sub: position.sub)) { record in
      if record.modRevision != current {
        whole = events.count
        current = record.modRevision
        complete = current - 1
        if events.count >= limit || looked >= KeyspaceLimits.recordsPerPull {
          next = WatchPosition(revision: current)
          cut = true
          return false
        }
      }
      looked += 1
      guard Self.matches(record, request) else { return true }
      if events.count >= limit {
        cut = true
        if whole > 0 {
          events.removeLast(events.count - whole)
          next = WatchPosition(revision: current)
        } else {
          next = WatchPosition(revision: current, sub: record.sub)
        }
        return false
      }
      events.append(event(record, previous: request.previous))
      return true
    }
    try checkValues()
    return (WatchBatch(revision: cut ? complete : revision, events: events), next)
  }

  static func matches(_ record: Record, _ request: WatchRequest) -> Bool {
    if record.isDeletion ? request.noDelete : request.noPut { return false }
    return request.range.contains(record.key)
  }

  private func event(_ record: Record, previous: Bool) -> Event {
    var before: KeyValue?
    if previous, record.modRevision > compactedRevision {
      before = index.entry(of: record.key)?.version(at: record.modRevision - 1)?.keyValue()
    }
    return Event(kind: record.isDeletion ? .delete : .put, keyValue: record.keyValue(), previous: before)
  }
}
