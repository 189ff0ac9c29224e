import Keyspace
import Primitives
import Testing

@Suite struct RevisionTests {
  @Test func `an empty store is at revision 1 and each writing transaction makes one revision`() throws {
    var keyspace = Keyspace()
    #expect(keyspace.revision == 1)
    #expect(try keyspace.run([put("a", "1")]).revision == 2)
    #expect(try keyspace.run([put("a", "2"), put("b", "1")]).revision == 3)
    let rows = try keyspace.range(RangeRequest(everything)).keyValues
    #expect(rows.map(\.key.text) == ["a", "b"])
    #expect(rows.map(\.createRevision) == [2, 3])
    #expect(rows.map(\.modRevision) == [3, 3])
    #expect(rows.map(\.version) == [2, 1])
  }

  @Test func `what writes nothing makes no revision`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1")])
    #expect(try keyspace.run([delete("missing")]).revision == 2)
    #expect(try keyspace.run([read("a")]).revision == 2)
    #expect(try keyspace.run([delete("a")]).revision == 3)
    #expect(try keyspace.run([delete("a")]).revision == 3)
  }

  @Test func `a deleted key starts over`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1")])
    try keyspace.run([put("a", "2")])
    try keyspace.run([delete("a")])
    try keyspace.run([put("a", "3")])
    let row = try keyspace.range(RangeRequest(key: Bytes("a"))).keyValues[0]
    #expect(row.version == 1 && row.createRevision == 5 && row.modRevision == 5)
    #expect(try keyspace.value("a", at: 3) == "2")
    #expect(try keyspace.value("a", at: 4) == nil)
  }

  @Test func `reading the future or the compacted past is refused`() throws {
    var keyspace = Keyspace()
    for value in 1...5 { try keyspace.run([put("a", "\(value)")]) }
    #expect(code { _ = try keyspace.value("a", at: 7) } == .futureRevision)
    try keyspace.run(.compact(revision: 4))
    #expect(code { _ = try keyspace.value("a", at: 3) } == .compacted)
    #expect(try keyspace.value("a", at: 4) == "3")
    #expect(code { try keyspace.run(.compact(revision: 4)) } == .compacted)
    #expect(code { try keyspace.run(.compact(revision: 9)) } == .futureRevision)
    #expect(code { try keyspace.run([read("a", revision: 3)]) } == .compacted)
  }

  @Test func `an index applied before changes nothing`() throws {
    var keyspace = Keyspace()
    #expect(keyspace.apply(.put(PutRequest(key: [1], value: [])), at: 7) != nil)
    #expect(keyspace.apply(.put(PutRequest(key: [1], value: [])), at: 7) == nil)
    #expect(keyspace.revision == 2)
  }

  @Test func `limit, count, order, filters and keys only`() throws {
    var keyspace = Keyspace()
    for name in ["d", "a", "c", "b"] { try keyspace.run([put(name, "v\(name)")]) }
    try keyspace.run([delete("c")])
    var request = RangeRequest(everything, limit: 2)
    var answer = try keyspace.range(request)
    #expect(answer.keyValues.map(\.key.text) == ["a", "b"] && answer.more && answer.count == 3)
    request = RangeRequest(everything, limit: 2, sortTarget: .mod, sortOrder: .descend)
    answer = try keyspace.range(request)
    #expect(answer.keyValues.map(\.key.text) == ["b", "a"] && answer.more && answer.count == 3)
    request = RangeRequest(everything, revision: 5, keysOnly: true, sortTarget: .key, sortOrder: .descend)
    answer = try keyspace.range(request)
    #expect(answer.keyValues.map(\.key.text) == ["d", "c", "b", "a"] && answer.revision == 6)
    #expect(answer.keyValues.allSatisfy { $0.value.isEmpty })
    request = RangeRequest(everything)
    request.minModRevision = 3
    request.maxModRevision = 3
    answer = try keyspace.range(request)
    #expect(answer.keyValues.map(\.key.text) == ["a"] && answer.count == 3 && !answer.more)
    answer = try keyspace.range(RangeRequest(everything, countOnly: true))
    #expect(answer.count == 3 && answer.keyValues.isEmpty)
    #expect(code { _ = try keyspace.range(RangeRequest(key: [])) } == .emptyKey)
  }
}
