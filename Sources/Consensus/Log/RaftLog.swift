import Primitives

/// The log in memory: every entry behind `base`, which is the last one that compaction has forgotten.
///
/// ```
///        base        durable      handed to the shell        last
///  ───────┼─────────────┼──────────────────┼──────────────────┼
///  forgotten   on disk     being written        to be handed out
/// ```
@usableFromInline
struct RaftLog: Sendable {
  @usableFromInline private(set) var base: LogPosition
  @usableFromInline private(set) var entries: [Entry] = []
  /// The first index that the shell has not been given yet.
  private(set) var firstUnsaved: UInt64
  /// The last index known to be on disk.
  private(set) var durable: UInt64

  init(base: LogPosition, entries: [Entry]) {
    self.base = base
    self.entries = entries
    firstUnsaved = base.index + UInt64(entries.count) + 1
    durable = base.index + UInt64(entries.count)
  }

  var firstIndex: UInt64 { base.index + 1 }
  @inlinable var lastIndex: UInt64 { base.index + UInt64(entries.count) }
  var last: LogPosition { LogPosition(term: entries.last?.term ?? base.term, index: lastIndex) }

  /// The term at an index; nil when it is forgotten or not there yet.
  func term(at index: UInt64) -> UInt64? {
    if index == base.index { return base.term }
    guard index > base.index, index <= lastIndex else { return nil }
    return entries[Int(index - base.index - 1)].term
  }

  func contains(_ position: LogPosition) -> Bool { term(at: position.index) == position.term }

  /// Entries from `index` on: at most `count`, at most `bytes` beyond the first.
  func slice(from index: UInt64, upTo end: UInt64, count: Int, bytes: Int) -> ArraySlice<Entry> {
    precondition(index > base.index, "entry \(index) was asked for, the log starts at \(firstIndex)")
    let start: Int = Int(index - base.index - 1)
    let limit: Int = min(entries.count, Int(end - base.index), start + count)
    guard start < limit else { return [] }
    var stop: Int = start + 1
    var total: Int = entries[start].weight
    while stop < limit {
      total += entries[stop].weight
      if total > bytes { break }
      stop += 1
    }
    return entries[start..<stop]
  }

  mutating func append(_ entry: Entry) {
    precondition(entry.index == lastIndex + 1, "entry \(entry.index) cannot follow \(lastIndex)")
    entries.append(entry)
  }

  /// Drops everything from `index` on.
  mutating func truncate(from index: UInt64) {
    precondition(index > base.index, "truncation at \(index) would reach behind the compacted \(base.index)")
    guard index <= lastIndex else { return }
    entries.removeLast(Int(lastIndex - index + 1))
    firstUnsaved = min(firstUnsaved, index)
    durable = min(durable, index - 1)
  }

  /// Forgets entries up to and including `index`.
  mutating func compact(upTo index: UInt64) {
    guard index > base.index, let term = term(at: index) else { return }
    entries.removeFirst(Int(index - base.index))
    base = LogPosition(term: term, index: index)
  }

  /// Starts anew behind a snapshot.
  mutating func reset(to position: LogPosition) {
    self = RaftLog(base: position, entries: [])
  }

  mutating func takeUnsaved() -> [Entry] {
    guard firstUnsaved <= lastIndex else { return [] }
    let unsaved: [Entry] = Array(entries[Int(firstUnsaved - base.index - 1)...])
    firstUnsaved = lastIndex + 1
    return unsaved
  }

  mutating func markDurable(upTo index: UInt64) { durable = max(durable, min(index, lastIndex)) }

  /// The last index at or before `position.index` whose term is not above `position.term`: as far as a log that has `position` may
  /// agree with this one. Skips whole terms, so that a long divergence costs a message per term and not per entry (Raft paper §5.3).
  func agreement(with position: LogPosition) -> LogPosition {
    var index: UInt64 = min(position.index, lastIndex)
    while index > base.index, let term = term(at: index), term > position.term { index -= 1 }
    return LogPosition(term: term(at: index) ?? 0, index: index)
  }
}
