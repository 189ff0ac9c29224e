import Primitives
import Testing

@testable import Keyspace

struct ImportTests {
  private typealias Version = KeyspaceImport.Version

  private func sample() throws -> Keyspace {
    var sum = try KeyspaceImport(
      revision: 9, leases: [.init(id: 7, ttlSeconds: 60, remainingSeconds: 20), .init(id: 3, ttlSeconds: 30)])
    try sum.add(
      Bytes("a"),
      [
        Version(createRevision: 2, modRevision: 2, sub: 0, version: 1, lease: 0, value: Bytes("1")),
        Version(createRevision: 2, modRevision: 4, sub: 1, version: 2, lease: 7, value: Bytes("2")),
      ])
    try sum.add(
      Bytes("b"),
      [
        Version(createRevision: 3, modRevision: 3, sub: 0, version: 1, lease: 0, value: []), .deletion(at: 6, sub: 0),
        Version(createRevision: 8, modRevision: 8, sub: 0, version: 1, lease: 3, value: Bytes("again")),
      ])
    return try sum.finish(compactedRevision: 3)
  }

  @Test func `what comes in has its own revisions, leases and history`() throws {
    let keyspace: Keyspace = try sample()
    #expect(keyspace.revision == 9 && keyspace.compactedRevision == 3 && keyspace.leases == [3, 7])
    #expect(keyspace.leaseTTL(7) == 60 && keyspace.leaseRemaining(7) == 20 && keyspace.leaseKeys(7) == [Bytes("a")])
    #expect(try keyspace.range(RangeRequest(.prefix([]), revision: 3)).keyValues.map(\.value) == [Bytes("1"), []])
    #expect(try keyspace.range(RangeRequest(.prefix([]), revision: 6)).keyValues.map(\.version) == [2])
    #expect(try keyspace.range(RangeRequest(.prefix([]))).keyValues.map(\.createRevision) == [2, 8])
    #expect(throws: KeyspaceError(.compacted, "")) { try keyspace.range(RangeRequest(.prefix([]), revision: 2)) }
    // The same as a snapshot gives back.
    var decoder = SnapshotDecoder()
    var encoder = SnapshotEncoder(keyspace)
    while let frame: Bytes = try encoder.next() { try decoder.consume(frame) }
    #expect(try decoder.finish().hash() == keyspace.hash())
  }

  @Test func `what cannot be is refused`() throws {
    var sum = try KeyspaceImport(revision: 5, leases: [])
    try sum.add(Bytes("b"), [Version(createRevision: 2, modRevision: 2, sub: 0, version: 1, lease: 0, value: [])])
    try sum.add(Bytes("a"), [Version(createRevision: 3, modRevision: 3, sub: 0, version: 1, lease: 0, value: [])])
    #expect(throws: KeyspaceError(.malformed, "")) { try sum.finish(compactedRevision: 0) }
    var late = try KeyspaceImport(revision: 5, leases: [])
    try late.add(Bytes("a"), [Version(createRevision: 6, modRevision: 6, sub: 0, version: 1, lease: 0, value: [])])
    #expect(throws: KeyspaceError(.malformed, "")) { try late.finish(compactedRevision: 0) }
    #expect(throws: KeyspaceError(.malformed, "")) {
      var twice = try KeyspaceImport(revision: 5, leases: [.init(id: 1, ttlSeconds: 1), .init(id: 1, ttlSeconds: 1)])
      _ = try twice.finish(compactedRevision: 0)
    }
  }

  @Test func `a cluster that begins with it may pass revisions over`() throws {
    let keyspace: Keyspace = try sample()
    #expect(try keyspace.renewed().revision == 9)
    let later: Keyspace = try keyspace.renewed(bumpRevision: 1_000)
    #expect(later.revision == 1_009 && later.compactedRevision == 1_009 && later.historyCount == 0)
    #expect(try later.range(RangeRequest(.prefix([]))).keyValues == keyspace.range(RangeRequest(.prefix([]))).keyValues)
    #expect(throws: KeyspaceError(.compacted, "")) { try later.range(RangeRequest(.prefix([]), revision: 9)) }
    #expect(throws: KeyspaceError(.futureRevision, "")) { try keyspace.renewed(bumpRevision: .max) }
  }

  @Test func `limits of a request may be raised`() throws {
    let large = KeyspaceCommand.transaction(
      TransactionRequest(success: [.put(PutRequest(key: Bytes("k"), value: Bytes(repeating: 0, count: 3 << 20)))]))
    let many = KeyspaceCommand.transaction(
      TransactionRequest(success: (0..<500).map { .put(PutRequest(key: Bytes("k\($0)"), value: [])) }))
    #expect(throws: KeyspaceError(.requestTooLarge, "")) { try large.check() }
    #expect(throws: KeyspaceError(.tooManyOperations, "")) { try many.check() }
    var limits = RequestLimits()
    (limits.bytes, limits.operations) = (4 << 20, 500)
    try large.check(limits)
    try many.check(limits)
  }
}
