import Keyspace
import Primitives

/// Key ranges that somebody may read or write, merged: a request is covered if one interval holds all of it (two permissions side by side
/// are one interval, as in etcd).
struct PermittedRanges: Hashable, Sendable {
  struct Interval: Hashable, Sendable {
    var start: Bytes
    /// Not included; nil: no end.
    var end: Bytes?

    init(key: Bytes, end: Bytes) {
      start = key
      self.end = end.isEmpty ? key + [0] : end == [0] ? nil : end
    }

    init(_ range: KeyRange) { self.init(key: range.key, end: range.end ?? []) }
  }

  private(set) var intervals: [Interval] = []

  init(_ permissions: [AuthPermission]) {
    let sorted: [Interval] = permissions.map { Interval(key: $0.key, end: $0.end) }.sorted { $0.start.precedes($1.start) }
    for interval in sorted {
      guard let last: Interval = intervals.last else {
        intervals.append(interval)
        continue
      }
      guard let lastEnd: Bytes = last.end else { break }
      if lastEnd.precedes(interval.start) {
        intervals.append(interval)
      } else if interval.end.map({ lastEnd.precedes($0) }) ?? true {
        intervals[intervals.count - 1].end = interval.end
      }
    }
  }

  func covers(_ range: KeyRange) -> Bool {
    let wanted = Interval(range)
    var (low, high): (Int, Int) = (0, intervals.count)
    while low < high {
      let middle: Int = (low + high) / 2
      if wanted.start.precedes(intervals[middle].start) { high = middle } else { low = middle + 1 }
    }
    guard low > 0 else { return false }
    guard let end: Bytes = intervals[low - 1].end else { return true }
    guard end != wanted.start, wanted.start.precedes(end), let wantedEnd: Bytes = wanted.end else { return false }
    return !end.precedes(wantedEnd)
  }
}
