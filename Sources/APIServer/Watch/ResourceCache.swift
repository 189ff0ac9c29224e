import Keyspace
import Primitives

/// Everything this server knows of one resource: its objects now and its newest changes. A value; the store's events go in.
struct ResourceCache: Sendable {
  private(set) var objects = SortedObjects()
  private(set) var ring: EventRing
  /// Every change up to and including this revision is in.
  private(set) var revision: Int64 = 0
  /// Revision of the last change.
  private(set) var lastChange: Int64 = 0

  init(limits: APIServerLimits) {
    ring = EventRing(completeAfter: 0, countLimit: limits.eventsPerResource, byteLimit: limits.eventBytesPerResource)
  }

  /// Starts over from a whole reading at `revision`. Watchers from before are lost: what happened between is not known.
  mutating func replace(_ sorted: [StoredObject], revision: Int64) {
    objects = SortedObjects(sorted: sorted)
    ring.reset(completeAfter: revision)
    self.revision = revision
    lastChange = sorted.map(\.revision).max() ?? 0
  }

  /// One put.
  mutating func put(_ object: StoredObject) -> WatchEntry? {
    guard object.revision > revision else { return nil }
    let previous: StoredObject? = objects.put(object)
    return append(WatchEntry(kind: previous == nil ? .added : .modified, object: object, previous: previous))
  }

  mutating func delete(_ path: Bytes, revision deleted: Int64) -> WatchEntry? {
    guard deleted > revision, let last: StoredObject = objects.remove(path) else { return nil }
    return append(WatchEntry(kind: .deleted, object: StoredObject(last, at: deleted)))
  }

  private mutating func append(_ entry: WatchEntry) -> WatchEntry {
    precondition(entry.object.revision >= lastChange, "store events come in order: \(entry.object.revision) after \(lastChange)")
    ring.append(entry)
    lastChange = entry.object.revision
    return entry
  }

  /// All changes up to `revision` have been told.
  mutating func progress(to revision: Int64) { self.revision = max(self.revision, revision) }
}
