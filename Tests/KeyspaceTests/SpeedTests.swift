import Keyspace
import Primitives
import Testing

@Suite(.serialized) struct SpeedTests {
  /// Times are told, counts are asserted.
  @Test func `random puts, gets and scans of 256-byte keys and values`() throws {
    #if DEBUG
      let (loaded, rounds): (Int, Int) = (5_000, 5_000)
    #else
      let (loaded, rounds): (Int, Int) = (100_000, 300_000)
    #endif
    var keyspace = Keyspace()
    var random = SeededRandom(seed: 1)
    let keys: [Bytes] = (0..<loaded).map { number in Bytes("\(number)") + Bytes(repeating: 46, count: 200) + Bytes("\(number)") }
    let value = Bytes(repeating: 7, count: 256)
    for key in keys { try keyspace.run(.put(PutRequest(key: key, value: value))) }
    func time(_ what: String, _ count: Int, _ body: () throws -> Void) rethrows {
      let start = SystemClock().now()
      try body()
      let nanoseconds = (SystemClock().now() - start).inNanoseconds
      print("keyspace of \(loaded) keys, \(what): \(nanoseconds / Int64(count)) ns")
    }
    try time("put", rounds) {
      for _ in 0..<rounds { try keyspace.run(.put(PutRequest(key: keys[Int(random.next() % UInt64(loaded))], value: value))) }
    }
    try time("get", rounds) {
      for _ in 0..<rounds { _ = try keyspace.range(RangeRequest(key: keys[Int(random.next() % UInt64(loaded))])) }
    }
    var rows = 0
    try time("scan, per row", loaded) { rows = try keyspace.range(RangeRequest(everything)).keyValues.count }
    #expect(rows == loaded)
    let target = keyspace.revision
    try time("compaction, the whole call", 1) { try keyspace.run(.compact(revision: target)) }
    time("giving memory back, per modification forgotten", loaded + rounds) {
      while keyspace.wantsTrimming { keyspace.trim(limit: 500) }
    }
    #expect(keyspace.revision == Int64(loaded + rounds + 1) && keyspace.keyCount == loaded && keyspace.historyCount == 1)
    var bytes = 0
    try time("snapshot written and read, per key", loaded) {
      var encoder = SnapshotEncoder(keyspace)
      var decoder = SnapshotDecoder()
      while let frame = try encoder.next() {
        bytes += frame.count
        try decoder.consume(frame)
      }
      rows = try decoder.finish().keyCount
    }
    #expect(rows == loaded)
    #expect(bytes > loaded * 450)
  }
}
