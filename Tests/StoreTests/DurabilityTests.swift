import Keyspace
import Primitives
import Testing

@testable import Store

@Suite(.serialized) struct DurabilityTests {
  private static let cities: @Sendable (inout StoreConfiguration) -> Void = { configuration in
    for place in configuration.members.indices {
      configuration.members[place].city = configuration.members[place].center == "remote-dr" ? "far" : "near"
    }
    configuration.autoPatience = .milliseconds(150)
    configuration.cityRecovery = .milliseconds(200)
    configuration.requestTimeout = .milliseconds(1500)
  }

  private func write(_ key: String, _ durability: Durability?) -> TransactionRequest {
    var request = TransactionRequest(success: [.put(PutRequest(key: Bytes(key), value: Bytes("v")))])
    request.durability = durability
    return request
  }

  @Test func `city-safe waits for the other city, auto goes on without it, says so, and waits again when it is back`() async throws {
    try await TestCluster.with(5, Self.cities) { cluster in
      try await wait("a leader in production") {
        cluster.running.contains { $0.leadership.isLocal && $0.configuration.member?.priority == 3 }
      }
      _ = try await cluster.waitForLeader()
      for number in 0..<5 {
        let revision = try await cluster[number].transact(write("safe-\(number)", .citySafe)).revision
        // What was acknowledged is on a disk of the far city, so it is in its log; it applies it when it hears of the commit.
        try await wait("the far city") { cluster[4].revision >= revision }
      }
      let leader = try await cluster.waitForLeader()
      let other = leader == 1 ? 0 : 1
      await cluster.kill(4)
      #expect(await code { _ = try await cluster[leader].transact(self.write("a", .citySafe)) } == .timeout)
      #expect(await code { _ = try await cluster[other].transact(self.write("a", .citySafe)) } == .timeout)
      // Nobody waits for `auto` as long as there is no `auto` write.
      #expect(cluster[leader].status.cities.first { $0.name == "far" }?.degradation == nil)
      _ = try await cluster[other].transact(write("b", .auto))
      let far = cluster[leader].status.cities.first { $0.name == "far" }
      try await wait("the barrier here, too") { cluster[other].degradations.map(\.city) == ["far"] }
      #expect(far?.members == [cluster.members[4].id])
      _ = try await cluster[leader].transact(write("c", .auto))
      try await wait("the lag") {
        cluster[leader].status.cities.first { $0.name == "far" }.map { ($0.lagEntries ?? 0) >= 4 && $0.degradation != nil } ?? false
      }
      #expect(await code { _ = try await cluster[leader].transact(self.write("d", .citySafe)) } == .timeout)
      try await cluster.start(4)
      try await wait("the recovery") { cluster[leader].degradations.isEmpty && cluster[4].degradations.isEmpty && cluster[4].revision > 5 }
      _ = try await cluster[other].transact(write("e", .citySafe))
      #expect(try await cluster[4].range(RangeRequest(.prefix([]), countOnly: true)).count == 10)
    }
  }

  @Test func `prefixes in the replicated settings choose, the request's own word goes first`() async throws {
    try await TestCluster.with(5, Self.cities) { cluster in
      _ = try await cluster.waitForLeader()
      let rules = DurabilityRules(
        standard: nil, rules: [.init(prefix: Bytes("bank/"), durability: .citySafe), .init(prefix: Bytes("log/"), durability: .auto)])
      try await cluster[3].setDurability(rules)
      try await wait("the settings everywhere") { cluster.running.allSatisfy { $0.durabilityRules == rules } }
      await cluster.kill(4)
      #expect(await code { _ = try await cluster[1].put(Bytes("bank/1"), []) } == .timeout)
      _ = try await cluster[1].put(Bytes("other"), [])
      _ = try await cluster[1].put(Bytes("log/1"), [])
      _ = try await cluster[1].transact(write("bank/1", .centerSafe))
      try await wait("the barrier here, too") { cluster[1].degradations.map(\.city) == ["far"] }
      // A leader that dies does not take the knowledge with it.
      let leader = try await cluster.waitForLeader()
      await cluster.kill(leader)
      let survivor = (0..<4).first { $0 != leader }!
      _ = try await cluster[survivor].put(Bytes("log/2"), [])
      #expect(cluster[survivor].degradations.map(\.city) == ["far"])
    }
  }

  @Test func `without cities nothing is promised`() async throws {
    try await TestCluster.with(1) { cluster in
      #expect(await code { _ = try await cluster[0].transact(self.write("a", .citySafe)) } == .unsupported)
      _ = try await cluster[0].transact(write("a", .centerSafe))
    }
    try await TestCluster.with(
      3,
      { configuration in
        for place in configuration.members.indices { configuration.members[place].city = "only" }
        configuration.durability = .citySafe
      }
    ) { cluster in
      for number in 0..<3 { _ = try await cluster[number].put(Bytes("a"), []) }
      #expect(try await cluster[0].grantLease(ttlSeconds: 10, id: 0).ttlSeconds == 10)
    }
  }
}
