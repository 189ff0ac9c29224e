import Primitives
import Testing

@testable import Keyspace

@Suite struct ClusterStateTests {
  private func record(_ id: UInt64, _ url: String? = nil) -> MemberRecord {
    MemberRecord(
      id: MemberID(id), name: "m\(id)", center: "c", city: "here", priority: -2, peerURLs: [url ?? "https://m\(id):2380"], clientURLs: ["x"]
    )
  }

  @Test func `members are adopted once, added, changed, and removed for ever`() throws {
    var keyspace = Keyspace()
    try keyspace.run(.cluster(.adopt([record(2), record(1)])))
    try keyspace.run(.cluster(.adopt([record(9)])))
    #expect(keyspace.cluster.members.map(\.id.value) == [1, 2] && keyspace.revision == 1)
    var learner = record(3)
    learner.role = .learner
    learner.name = ""
    try keyspace.run(.cluster(.add(learner)))
    #expect(code { try keyspace.run(.cluster(.add(record(3, "https://other:1")))) } == .memberExists)
    #expect(code { try keyspace.run(.cluster(.add(record(4, "https://m2:2380")))) } == .peerURLExists)
    try keyspace.run(.cluster(.promote(MemberID(3))))
    try keyspace.run(.cluster(.publish(record(3, "https://ignored:1"))))
    #expect(keyspace.cluster.member(MemberID(3))?.role == .voter && keyspace.cluster.member(MemberID(3))?.name == "m3")
    #expect(keyspace.cluster.member(MemberID(3))?.peerURLs == ["https://m3:2380"])
    try keyspace.run(.cluster(.setPeerURLs(MemberID(3), ["https://m3:1", "https://m3:2"])))
    #expect(code { try keyspace.run(.cluster(.setPeerURLs(MemberID(3), ["https://m1:2380"]))) } == .peerURLExists)
    try keyspace.run(.cluster(.remove(MemberID(2))))
    #expect(code { try keyspace.run(.cluster(.add(record(2)))) } == .memberExists)
    #expect(code { try keyspace.run(.cluster(.remove(MemberID(2)))) } == .memberNotFound)
    #expect(keyspace.cluster.removed == [MemberID(2)] && keyspace.cluster.members.map(\.id.value) == [1, 3])
  }

  @Test func `a snapshot carries all of it, and damaged state is refused`() throws {
    var keyspace = Keyspace()
    try keyspace.run([put("a", "1")])
    try keyspace.run(.cluster(.adopt([record(1), record(2)])))
    try keyspace.run(.cluster(.remove(MemberID(2))))
    try keyspace.run(.cluster(.setDurability(DurabilityRules(standard: .auto, rules: [.init(prefix: Bytes("a"), durability: .citySafe)]))))
    let time = WallTime(secondsSince1970: 5, nanoseconds: 7)
    try keyspace.run(.cluster(.degrade(city: "there", time)))
    try keyspace.run(.cluster(.degrade(city: "there", WallTime(secondsSince1970: 9))))
    #expect(keyspace.cluster.degradations == [.init(city: "there", index: 5, revision: 2, since: time)])
    var decoder = SnapshotDecoder()
    var encoder = SnapshotEncoder(keyspace)
    while let chunk = try encoder.next() { try decoder.consume(chunk) }
    #expect(try decoder.finish().cluster == keyspace.cluster)
    let bytes: Bytes = keyspace.cluster.encode()
    for length in bytes.indices { #expect(throws: MalformedBytes.self) { try ClusterState(Bytes(bytes[..<length])) } }
    try keyspace.run(.cluster(.restore(city: "there")))
    #expect(keyspace.cluster.degradations.isEmpty)
  }

  @Test func `the longest prefix rules, and the strictest key of a transaction`() {
    let rules = DurabilityRules(
      standard: nil,
      rules: [
        .init(prefix: Bytes("a/"), durability: .auto), .init(prefix: Bytes("a/b/"), durability: .citySafe),
        .init(prefix: Bytes("z"), durability: .centerSafe),
      ])
    func of(_ operations: Operation...) -> Durability {
      rules.durability(of: TransactionRequest(success: operations), fallback: .centerSafe)
    }
    #expect(of(put("a/1", "")) == .auto && of(put("a/b/1", "")) == .citySafe && of(put("q", "")) == .centerSafe)
    #expect(of(put("q", ""), put("a/1", "")) == .auto && of(put("a/1", ""), delete("a/b/", "a/c")) == .citySafe)
    #expect(of(read("a/b/1")) == .centerSafe && of(.transaction(TransactionRequest(success: [], failure: [put("a/1", "")]))) == .auto)
    #expect(
      DurabilityRules(standard: .citySafe).durability(of: TransactionRequest(success: [put("q", "")]), fallback: .centerSafe) == .citySafe)
    #expect(rules.durability(of: TransactionRequest(success: [put("q", "")]), fallback: .auto) == .auto)
    for one in [Durability.centerSafe, .citySafe, .auto] { #expect(Durability(name: one.name) == one) }
    #expect(Durability(name: "else") == nil)
  }
}
