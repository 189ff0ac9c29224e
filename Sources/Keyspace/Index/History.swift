import Primitives

/// Every kept modification in order of revision: what watches read from. Chunks of up to 1,024 records, so that a copy shares
/// them, the front goes chunk by chunk when compaction passes it, and a revision is found by two binary searches.
struct History: Sendable {
  private(set) var chunks: [[Record]] = []
  private(set) var count: Int = 0

  struct Place: Sendable {
    var chunk: Int
    var slot: Int
  }

  mutating func append(_ record: Record) {
    count += 1
    if let last: Int = chunks.indices.last, chunks[last].count < KeyspaceLimits.historyChunk {
      chunks[last].append(record)
    } else {
      var chunk: [Record] = []
      chunk.reserveCapacity(KeyspaceLimits.historyChunk)
      chunk.append(record)
      chunks.append(chunk)
    }
  }

  private static func precedes(_ record: Record, _ revision: Int64, _ sub: Int64) -> Bool {
    record.modRevision != revision ? record.modRevision < revision : record.sub < sub
  }

  /// The first record at or after (revision, sub).
  func place(of revision: Int64, sub: Int64 = 0) -> Place {
    var low: Int = 0
    var high: Int = chunks.count
    while low < high {
      let middle: Int = (low + high) / 2
      if Self.precedes(chunks[middle][chunks[middle].count - 1], revision, sub) { low = middle + 1 } else { high = middle }
    }
    guard low < chunks.count else { return Place(chunk: chunks.count, slot: 0) }
    let chunk: Int = low
    low = 0
    high = chunks[chunk].count
    while low < high {
      let middle: Int = (low + high) / 2
      if Self.precedes(chunks[chunk][middle], revision, sub) { low = middle + 1 } else { high = middle }
    }
    return Place(chunk: chunk, slot: low)
  }

  /// Calls `body` with each record from `place` on until it returns false.
  @inline(__always)
  func forEach(from place: Place, _ body: (Record) -> Bool) {
    var slot: Int = place.slot
    for chunk in place.chunk..<max(place.chunk, chunks.count) {
      let records: [Record] = chunks[chunk]
      while slot < records.count {
        if !body(records[slot]) { return }
        slot += 1
      }
      slot = 0
    }
  }

  /// Forgets the records below `revision` and returns them, chunk by chunk as they were: a million cost as much as a thousand.
  mutating func removeBelow(_ revision: Int64) -> [[Record]] {
    let place: Place = place(of: revision)
    var removed: [[Record]] = Array(chunks[..<place.chunk])
    chunks.removeFirst(place.chunk)
    if place.slot > 0 {
      removed.append(Array(chunks[0][..<place.slot]))
      chunks[0].removeFirst(place.slot)
    }
    count -= removed.reduce(0) { $0 + $1.count }
    return removed
  }
}
