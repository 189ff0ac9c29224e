import Keyspace
import Primitives
import Testing

@Suite struct CompactionTests {
  private func filled() throws -> Keyspace {
    var keyspace = Keyspace()
    for number in 0..<6000 {
      let key = "k\(number % 1500)"
      try keyspace.run([number % 7 == 0 ? delete(key) : put(key, "v\(number)")])
    }
    return keyspace
  }

  private func snapshot(_ keyspace: Keyspace) throws -> Bytes {
    var encoder = SnapshotEncoder(keyspace)
    var bytes: Bytes = []
    while let frame = try encoder.next() { bytes += frame }
    return bytes
  }

  @Test func `how far memory was given back is seen in no answer, snapshot or hash`() throws {
    var slow = try filled()
    var quick = slow
    let target = slow.revision - 10
    try slow.run(.compact(revision: target))
    try quick.run(.compact(revision: target))
    while quick.wantsTrimming { quick.trim(limit: 100) }
    #expect(slow.wantsTrimming && slow.sizeBytes > quick.sizeBytes)
    func same(_ target: Int64) throws {
      #expect(try slow.hash() == quick.hash())
      #expect(try slow.hash(revision: target) == quick.hash(revision: target))
      #expect(try snapshot(slow) == snapshot(quick))
      for revision in [0, target, target + 3] {
        let request = RangeRequest(everything, revision: revision)
        #expect(try slow.range(request) == quick.range(request))
      }
    }
    try same(target)
    // Deleted keys that come back while their former life is being forgotten.
    for number in stride(from: 0, to: 1500, by: 3) {
      try slow.run([put("k\(number)", "again")])
      try quick.run([put("k\(number)", "again")])
    }
    try same(target)
    let later = slow.revision - 5
    try slow.run(.compact(revision: later))
    try quick.run(.compact(revision: later))
    while quick.wantsTrimming { quick.trim(limit: 100) }
    try same(later)
    while slow.wantsTrimming { slow.trim(limit: 1) }
    #expect(slow.sizeBytes == quick.sizeBytes && slow.keyCount == quick.keyCount)
    try same(later)
    var decoder = SnapshotDecoder()
    try decoder.consume(try snapshot(slow))
    #expect(try decoder.finish().sizeBytes == slow.sizeBytes)
  }

  @Test func `writes alone give the memory back, two forgotten modifications each`() throws {
    var keyspace = try filled()
    try keyspace.run(.compact(revision: keyspace.revision))
    var writes = 0
    while keyspace.wantsTrimming {
      try keyspace.run([put("one", "")])
      writes += 1
    }
    #expect((2000...2600).contains(writes))
  }
}
