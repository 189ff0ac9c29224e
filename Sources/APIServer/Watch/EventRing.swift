/// One change as watchers see it.
struct WatchEntry: Sendable {
  enum Kind: Sendable { case added, modified, deleted }
  var kind: Kind
  /// For a deletion: the last state, at the deletion's revision.
  var object: StoredObject
  /// The state before a modification.
  var previous: StoredObject?
}

/// The newest changes of a resource, numbered without gaps. Bounded by number and by bytes; the oldest go first.
struct EventRing: Sendable {
  private var entries: [WatchEntry] = []
  private var head: Int = 0
  private(set) var bytes: Int = 0
  /// Number of the oldest entry kept (of the next one to come while there is none).
  private(set) var firstSequence: Int64 = 0
  /// Every change after this revision is kept.
  private(set) var completeAfter: Int64
  let countLimit: Int
  let byteLimit: Int

  init(completeAfter: Int64, countLimit: Int, byteLimit: Int) {
    self.completeAfter = completeAfter
    self.countLimit = countLimit
    self.byteLimit = byteLimit
  }

  var count: Int { entries.count - head }
  var nextSequence: Int64 { firstSequence + Int64(count) }

  mutating func append(_ entry: WatchEntry) {
    entries.append(entry)
    bytes += entry.object.encoded.readableBytes
    while count > countLimit || (bytes > byteLimit && count > 1) { dropOldest() }
    if head > 64, head * 2 > entries.count {
      entries.removeSubrange(..<head)
      head = 0
    }
  }

  private mutating func dropOldest() {
    let oldest: WatchEntry = entries[head]
    bytes -= oldest.object.encoded.readableBytes
    completeAfter = oldest.object.revision
    // Gives the objects free although the slot stays until the next compaction of the array.
    entries[head] = WatchEntry(kind: .deleted, object: entries[head + 1].object)
    head += 1
    firstSequence += 1
  }

  /// Forgets everything; whoever reads from before is lost. Numbers go on, so a place from before is never taken for a new one.
  mutating func reset(completeAfter revision: Int64) {
    firstSequence = nextSequence + 1
    entries = []
    head = 0
    bytes = 0
    completeAfter = revision
  }

  /// The number of the first change after `revision`; nil if changes after it may have been dropped.
  func sequence(after revision: Int64) -> Int64? {
    guard revision >= completeAfter else { return nil }
    var low: Int = head
    var high: Int = entries.count
    while low < high {
      let middle: Int = (low + high) / 2
      if entries[middle].object.revision > revision { high = middle } else { low = middle + 1 }
    }
    return firstSequence + Int64(low - head)
  }

  /// Up to `limit` entries from `sequence` on; nil if that place was dropped.
  func read(from sequence: Int64, limit: Int) -> ArraySlice<WatchEntry>? {
    guard sequence >= firstSequence else { return nil }
    let start: Int = head + Int(sequence - firstSequence)
    guard start <= entries.count else { return nil }
    return entries[start..<min(entries.count, start + limit)]
  }
}
