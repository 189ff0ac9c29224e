import Keyspace

/// Where one watch response ends and the next begins.
enum WatchSplit {
  /// The end of the response that begins at `start`, at most about `limit` bytes but at least one event, or without `fragment` one
  /// revision. The second value: the response's revision goes on in the next one.
  static func end(of events: [Event], from start: Int, fragment: Bool, limit: Int) -> (Int, Bool) {
    var bytes: Int = 0
    var index: Int = start
    var lastBoundary: Int = start
    while index < events.count {
      if index > start, events[index].keyValue.modRevision != events[index - 1].keyValue.modRevision { lastBoundary = index }
      bytes += events[index].approximateBytes
      if bytes > limit, index > start {
        if lastBoundary > start { return (lastBoundary, false) }
        if fragment { return (index, true) }
      }
      index += 1
    }
    return (events.count, false)
  }
}
