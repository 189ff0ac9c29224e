import Keyspace
import Primitives

/// Watches: every event of the range once, in the order of revisions, none skipped but where compaction was told.
struct WatchChecker {
  private struct Watched {
    let range: KeyRange
    /// Events of the model that concern it, by place in the model.
    var matching: [Int] = []
    /// How many of them it was told.
    var told: Int = 0
    /// The first revision that it was not told.
    var next: Int64 = 1
  }
  private var watched: [Watched]

  init(_ ranges: [KeyRange]) { watched = ranges.map { Watched(range: $0) } }

  func next(_ watcher: Int) -> Int64 { watched[watcher].next }

  /// The model has new events from a place on.
  mutating func onEvents(from first: Int, _ model: KeyValueModel) {
    for place in first..<max(first, model.events.count) {
      let key: Bytes = ClientOperation.key(model.events[place].key)
      for watcher in watched.indices where watched[watcher].range.contains(key) { watched[watcher].matching.append(place) }
    }
  }

  mutating func onBatch(_ watcher: Int, _ batch: WatchBatch, _ model: KeyValueModel) -> String? {
    guard batch.revision <= model.revision else {
      return "a watcher was told about revision \(batch.revision), which nobody has applied"
    }
    for event in batch.events {
      let revision: Int64 = event.keyValue.modRevision
      guard watched[watcher].told < watched[watcher].matching.count else {
        return "a watcher was told about \(event.keyValue.key.text) at revision \(revision), which never happened or was told before"
      }
      let expected: KeyValueModel.Event = model.events[watched[watcher].matching[watched[watcher].told]]
      guard expected.revision == revision, ClientOperation.key(expected.key) == event.keyValue.key,
        (expected.value == nil) == (event.kind == .delete), expected.value ?? [] == event.keyValue.value
      else {
        return
          "a watcher was told about \(event.keyValue.key.text) at revision \(revision), the next event is key-\(expected.key) at revision \(expected.revision)"
      }
      watched[watcher].told += 1
    }
    if let missed: Int64 = untold(watcher, model), missed <= batch.revision {
      return "a watcher was told everything up to revision \(batch.revision), but not the event of revision \(missed)"
    }
    watched[watcher].next = max(watched[watcher].next, batch.revision + 1)
    return nil
  }

  /// The revision of the first event that it was not told.
  private func untold(_ watcher: Int, _ model: KeyValueModel) -> Int64? {
    let one: Watched = watched[watcher]
    return one.told < one.matching.count ? model.events[one.matching[one.told]].revision : nil
  }

  /// It was told that what it wanted is compacted, and goes on behind that.
  mutating func onCompacted(_ watcher: Int, _ model: KeyValueModel) -> String? {
    guard watched[watcher].next < model.compacted else {
      return "a watcher at revision \(watched[watcher].next) was told that it is compacted, the oldest kept is \(model.compacted)"
    }
    watched[watcher].next = model.compacted
    while let revision: Int64 = untold(watcher, model), revision < model.compacted { watched[watcher].told += 1 }
    return nil
  }

  /// The events are those of another history from some point on.
  mutating func begin(_ model: KeyValueModel) {
    for watcher in watched.indices { watched[watcher] = Watched(range: watched[watcher].range) }
    onEvents(from: 0, model)
  }

  /// It goes on in this history from a revision.
  mutating func resume(_ watcher: Int, from revision: Int64, _ model: KeyValueModel) {
    watched[watcher].next = revision
    watched[watcher].told = 0
    while let first: Int64 = untold(watcher, model), first < revision { watched[watcher].told += 1 }
  }

  /// Whether it was told everything up to a revision.
  func isCurrent(_ watcher: Int, _ revision: Int64, _ model: KeyValueModel) -> Bool { untold(watcher, model).map { $0 > revision } ?? true }
}
